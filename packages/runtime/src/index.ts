export type { Clock, Timer } from "./clock.ts";
export { DiskError } from "./disk.ts";
export type {
  ComposedFile,
  Disk,
  DiskAccess,
  DiskErrorCode,
  DiskFile,
  DiskLock,
  FilePiece,
  FileRange,
} from "./disk.ts";
export type { HttpAnswer, HttpServer } from "./http.ts";
export type { KeyValueChange, KeyValueStore, KeyValueStores } from "./key-value-store.ts";
export type { Logger, LogFields } from "./logger.ts";
export { NetworkError } from "./network.ts";
export type {
  Address,
  Connection,
  ConnectionHandler,
  Listener,
  Network,
  NetworkErrorCode,
} from "./network.ts";
export type { Random } from "./random.ts";
export type { Runtime } from "./runtime.ts";
export { WriteThroughFile } from "./write-through-file.ts";
