import { type Disk, type DiskFile, WriteThroughFile } from "@ropewalk/runtime";

/** A disk of which each flush of a file waits first, also where a write is durable when it returns. */
export function slowDisk(disk: Disk, wait: () => Promise<void> | undefined): Disk {
  const slow = (file: DiskFile): DiskFile => {
    const datasync = async (): Promise<void> => {
      await wait();
      await file.datasync();
    };
    return changed(file, { datasync });
  };
  const create: Disk["create"] = async (path) => slow(await disk.create(path));
  const open: Disk["open"] = async (path, access) => {
    if (access !== "write-through") return slow(await disk.open(path, access));
    return new WriteThroughFile(slow(await disk.open(path, "read-write")));
  };
  return changed(disk, { create, open });
}

/** The same object with other methods in some places. */
export function changed<Target extends object>(target: Target, methods: Partial<Target>): Target {
  return new Proxy(target, {
    get(original, name) {
      const replaced: unknown = Reflect.get(methods, name);
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(original, name);
      if (typeof value !== "function") return value;
      return (...args: readonly unknown[]): unknown => Reflect.apply(value, original, args);
    },
  });
}
