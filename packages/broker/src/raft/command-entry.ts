import {
  batchBytes,
  batchHeaderBytes,
  crc32c,
  isBatchIntact,
  batchMagic,
  recordBatchMagic,
  readRecords,
  RecordBatchBuilder,
} from "@ropewalk/protocol";
import type { LogEntry } from "@ropewalk/log";

/*
 * A bare command is an entry of a data partition's log that is no record batch, so that it takes no
 * offset. What stands where a batch has its fields makes it three times impossible to take it for one:
 *
 *  0  12  all ones: as a batch it would have the base offset -1 and be 11 bytes long
 * 12   4  CRC-32C of what follows, big-endian
 * 16   1  0x81, the version; a batch has its magic here, which is 2
 * 17   …  the command
 */
const bare = { filler: 0, crc: 12, version: 16, command: 17 } as const;
const bareVersion = 0x81;

/**
 * Whether the entry holds a record batch. The others are a new leader's empty entry, membership changes
 * and bare commands; they take up no offsets.
 */
export function isRecordBatch(entry: LogEntry): boolean {
  const { type, data } = entry;
  return (
    type === "normal" && data.length >= batchHeaderBytes && batchMagic(data) === recordBatchMagic
  );
}

/**
 * Whether the entry is as it was proposed: a batch or a bare command with the checksum that it says. A new
 * leader's empty entry and membership changes have none; anything else was never proposed.
 */
export function isIntact(entry: LogEntry): boolean {
  const { type, data } = entry;
  if (type !== "normal" || data.length === 0) return true;
  if (isBareCommand(entry)) return bareCrc(data) === asBuffer(data).readUInt32BE(bare.crc);
  return isRecordBatch(entry) && batchBytes(data) === data.length && isBatchIntact(data);
}

/** Wraps a command of an internal state machine into a record batch of one record: its value. */
export function encodeCommandBatch(command: Uint8Array, timestampMs: number): Uint8Array {
  const builder = new RecordBatchBuilder();
  builder.append(timestampMs, undefined, command);
  return builder.build();
}

/** The command in an entry; `undefined` for entries that hold none. */
export function commandOf(entry: LogEntry): Uint8Array | undefined {
  if (!isRecordBatch(entry)) return undefined;
  for (const record of readRecords(entry.data)) return record.value;
  return undefined;
}

/** Wraps a command into an entry that takes no offset. */
export function encodeBareCommand(command: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(bare.command + command.length, 0xff);
  bytes[bare.version] = bareVersion;
  bytes.set(command, bare.command);
  bytes.writeUInt32BE(bareCrc(bytes), bare.crc);
  return bytes;
}

/** The bare command in an entry; `undefined` for entries that hold none. */
export function bareCommandOf(entry: LogEntry): Uint8Array | undefined {
  return isBareCommand(entry) ? entry.data.subarray(bare.command) : undefined;
}

function isBareCommand({ type, data }: LogEntry): boolean {
  if (type !== "normal" || data.length < bare.command) return false;
  if (data[bare.version] !== bareVersion) return false;
  return data.subarray(bare.filler, bare.crc).every((byte) => byte === 0xff);
}

function bareCrc(bytes: Uint8Array): number {
  return crc32c(bytes, bare.version, bytes.length);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
