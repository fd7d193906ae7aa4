import {
  type ComposedFile,
  type Disk,
  type DiskFile,
  type FilePiece,
  WriteThroughFile,
} from "@ropewalk/runtime";

/** The files behind those that lie. */
const honestFiles = new WeakMap<DiskFile, DiskFile>();

/** A disk that says it has synced and has not: what a check must notice. */
export function lyingDisk(disk: Disk): Disk {
  return {
    join: (...parts) => disk.join(...parts),
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    exists: (path) => disk.exists(path),
    open: async (path, access) =>
      access === "write-through"
        ? new WriteThroughFile(lyingFile(await disk.open(path, "read-write")))
        : lyingFile(await disk.open(path, access)),
    create: async (path) => lyingFile(await disk.create(path)),
    compose: (path, which) => lyingComposedFile(disk.compose(path, which)),
    replaceFile: (path, bytes) => disk.replaceFile(path, bytes),
    readFile: (path) => disk.readFile(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    freeBytes: (path) => disk.freeBytes(path),
    totalBytes: (path) => disk.totalBytes(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lockDirectory: (path, owner) => disk.lockDirectory(path, owner),
  };
}

function lyingFile(file: DiskFile): DiskFile {
  const lying: DiskFile = {
    path: file.path,
    write: (position, buffers) => file.write(position, buffers),
    read: (position, target) => file.read(position, target),
    readSync: (position, target) => file.readSync(position, target),
    datasync: () => Promise.resolve(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  };
  honestFiles.set(lying, file);
  return lying;
}

function lyingComposedFile(file: ComposedFile): ComposedFile {
  const honest = (piece: FilePiece): FilePiece =>
    piece instanceof Uint8Array
      ? piece
      : { ...piece, file: honestFiles.get(piece.file) ?? piece.file };
  return {
    path: file.path,
    write: (position, pieces) => file.write(position, pieces.map(honest)),
    finish: () => file.abandon(),
    abandon: () => file.abandon(),
  };
}
