import {
  type ComposedFile,
  type Disk,
  DiskError,
  type DiskFile,
  type FilePiece,
} from "@ropewalk/runtime";

/** A composed file on a disk that has no thread for it: ranges are read when they are to be written. */
export class PlainComposedFile implements ComposedFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #which: "new" | "existing";
  #file: DiskFile | undefined;
  #failed: Promise<never> | undefined;

  constructor(disk: Disk, path: string, which: "new" | "existing") {
    this.path = path;
    this.#disk = disk;
    this.#which = which;
  }

  async write(position: number, pieces: readonly FilePiece[]): Promise<void> {
    await this.#orFail(async () => {
      this.#file ??= await this.#open();
      const buffers: Uint8Array[] = [];
      for (const piece of pieces) buffers.push(await bytesOf(piece));
      await this.#file.write(position, buffers);
    });
  }

  async finish(): Promise<void> {
    await this.#orFail(async () => {
      if (this.#file === undefined)
        throw new DiskError("IO", `nothing was written to ${this.path}`);
      await this.#file.datasync();
    });
    await this.abandon();
  }

  async abandon(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  #open(): Promise<DiskFile> {
    return this.#which === "new"
      ? this.#disk.create(this.path)
      : this.#disk.open(this.path, "read-write");
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    const done = this.#failed ?? work();
    await done.catch(() => (this.#failed ??= done as Promise<never>));
    await done;
  }
}

async function bytesOf(piece: FilePiece): Promise<Uint8Array> {
  if (piece instanceof Uint8Array) return piece;
  const { bytes, file, position } = piece;
  if ("isClosed" in file && file.isClosed === true)
    throw new DiskError("SOURCE", `${file.path} is closed`);
  const target = new Uint8Array(bytes);
  const read = await file.read(position, target).catch((cause: unknown) => {
    throw new DiskError("SOURCE", `cannot read ${file.path}`, { cause });
  });
  if (read < bytes) throw new DiskError("SOURCE", `${file.path} ends before ${position + bytes}`);
  return target;
}
