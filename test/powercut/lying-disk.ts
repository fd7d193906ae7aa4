import type { Disk, DiskFile } from "@ropewalk/runtime";

/** A disk that says it has synced and has not: what a check must notice. */
export function lyingDisk(disk: Disk): Disk {
  return {
    join: (...parts) => disk.join(...parts),
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    exists: (path) => disk.exists(path),
    open: async (path, access, use) => lyingFile(await disk.open(path, access, use)),
    create: async (path, use) => lyingFile(await disk.create(path, use)),
    replaceFile: (path, bytes) => disk.replaceFile(path, bytes),
    readFile: (path) => disk.readFile(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    freeBytes: (path) => disk.freeBytes(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lockDirectory: (path, owner) => disk.lockDirectory(path, owner),
  };
}

function lyingFile(file: DiskFile): DiskFile {
  return {
    path: file.path,
    write: (position, buffers) => file.write(position, buffers),
    read: (position, target) => file.read(position, target),
    readSync: (position, target) => file.readSync(position, target),
    datasync: () => Promise.resolve(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  };
}
