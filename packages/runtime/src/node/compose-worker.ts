import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import {
  type ComposeAnswer,
  type ComposeFailure,
  type ComposeJob,
  type EndJob,
  inMemory,
  rangeWidth,
  type WriteJob,
} from "./compose-job.ts";

/*
 * The thread that composes files. It blocks, on purpose: a read from the system's cache and a write past it (O_DIRECT)
 * cost less than waking another thread for each, and nobody waits but who asked. Everything goes through two buffers
 * that are used again and again: fresh memory costs more than the copy on a virtual machine.
 */

/** The part of the global that is needed; the language's types know no such one. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
    readonly buffer: ArrayBuffer;
  };
};

/** What addresses, positions and lengths of uncached writes must be multiples of. */
const blockBytes = 4096;

/** One write. */
const slabBytes = 4 * 1024 * 1024;

/** One read of what lies between the first and the last of neighbouring ranges. */
const spanBytesMax = 1024 * 1024;

/** Larger ranges are read straight to where they go, each alone: a read costs less than copying them once more. */
const spanPieceBytesMax = 16 * 1024;

/** Bytes between two ranges that are read along up to this size: cheaper than a second read. */
const skippedBytesMax = 64 * 1024;

const wasmPageBytes = 65_536;

/** Memory that begins at a page: that of WebAssembly does, and nothing else here promises to. */
const slab = Buffer.from(
  new WebAssembly.Memory({ initial: slabBytes / wasmPageBytes, maximum: slabBytes / wasmPageBytes })
    .buffer,
);
const scratch: Buffer = Buffer.allocUnsafeSlow(spanBytesMax);

/** A file that is being composed. */
interface Target {
  readonly path: string;
  readonly descriptor: number;
  readonly isDirect: boolean;
  /** For what is not aligned, where the other one is direct. */
  plain: number | undefined;
}

class SourceError extends Error {
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

const targets = new Map<number, Target>();

parentPort?.on("message", (jobs: readonly ComposeJob[]) => {
  const answers = jobs.map((job): ComposeAnswer => ({ job: job.job, failure: failureOf(job) }));
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, no window
  parentPort?.postMessage(answers);
});

function failureOf(job: ComposeJob): ComposeFailure | undefined {
  try {
    if (job.kind === "write") write(job);
    else end(job);
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    return { of: error instanceof SourceError ? "source" : "target", code, message };
  }
}

function write(job: WriteJob): void {
  const sink: Sink = {
    target: targets.get(job.file) ?? opened(job),
    position: job.position,
    filled: 0,
  };
  const { ranges } = job;
  for (let at = 0; at < ranges.length;) {
    const bytes = ranges[at + 2] ?? 0;
    at = sink.filled + bytes > slabBytes ? gatherCut(job, at, sink) : gatherSpan(job, at, sink);
  }
  flush(sink);
}

/** Where the slab goes next. */
interface Sink {
  readonly target: Target;
  position: number;
  filled: number;
}

/** Only a piece that is larger than what is left is cut, at the slab's end: all else stays aligned. */
function gatherCut(job: WriteJob, at: number, sink: Sink): number {
  const bytes = job.ranges[at + 2] ?? 0;
  for (let done = 0; done < bytes;) {
    const part = Math.min(bytes - done, slabBytes - sink.filled);
    readPart(job, at, done, part, sink.filled);
    done += part;
    sink.filled += part;
    if (sink.filled === slabBytes) flush(sink);
  }
  return at + rangeWidth;
}

function gatherSpan(job: WriteJob, at: number, sink: Sink): number {
  const { ranges } = job;
  const next = spanEnd(ranges, at, slabBytes - sink.filled);
  if (next === at + rangeWidth) readPart(job, at, 0, ranges[at + 2] ?? 0, sink.filled);
  else readSpan(ranges, at, next, sink.filled);
  for (let row = at; row < next; row += rangeWidth) sink.filled += ranges[row + 2] ?? 0;
  return next;
}

function flush(sink: Sink): void {
  if (sink.filled > 0) writeSlab(sink.target, sink.position, sink.filled);
  sink.position += sink.filled;
  sink.filled = 0;
}

/** The end of the ranges from `at` on that one read brings. */
function spanEnd(ranges: Float64Array, at: number, room: number): number {
  const descriptor = ranges[at];
  const start = ranges[at + 1] ?? 0;
  let last = start + (ranges[at + 2] ?? 0);
  let bytes = last - start;
  let next = at + rangeWidth;
  if (bytes >= spanPieceBytesMax) return next;
  for (; next < ranges.length && descriptor !== inMemory; next += rangeWidth) {
    const [position = 0, length = 0] = [ranges[next + 1], ranges[next + 2]];
    const isNear = position >= last && position - last <= skippedBytesMax;
    if (ranges[next] !== descriptor || !isNear) break;
    if (position + length - start > spanBytesMax || bytes + length > room) break;
    last = position + length;
    bytes += length;
  }
  return next;
}

function readPart(job: WriteJob, at: number, skipped: number, bytes: number, into: number): void {
  const [descriptor = inMemory, position = 0] = [job.ranges[at], job.ranges[at + 1]];
  if (descriptor === inMemory) {
    const from = position + skipped;
    const piece = job.memory.subarray(from, from + bytes);
    if (piece.length < bytes) throw new SourceError(`there are no ${bytes} bytes at ${from}`);
    slab.set(piece, into);
  } else readWhole(descriptor, position + skipped, slab.subarray(into, into + bytes));
}

function readSpan(ranges: Float64Array, at: number, past: number, into: number): void {
  const start = ranges[at + 1] ?? 0;
  const last = past - rangeWidth;
  const bytes = (ranges[last + 1] ?? 0) + (ranges[last + 2] ?? 0) - start;
  readWhole(ranges[at] ?? inMemory, start, scratch.subarray(0, bytes));
  let to = into;
  for (let row = at; row < past; row += rangeWidth) {
    const from = (ranges[row + 1] ?? 0) - start;
    const length = ranges[row + 2] ?? 0;
    scratch.copy(slab, to, from, from + length);
    to += length;
  }
}

function readWhole(descriptor: number, position: number, into: Uint8Array): void {
  let done = 0;
  while (done < into.length) {
    const read = readOnce(descriptor, into, done, position + done);
    if (read === 0) throw new SourceError(`the file ends before ${position + into.length}`);
    done += read;
  }
}

function readOnce(descriptor: number, into: Uint8Array, at: number, position: number): number {
  try {
    return readSync(descriptor, into, at, into.length - at, position);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    throw new SourceError(error instanceof Error ? error.message : String(error), code);
  }
}

function opened({ file, path, which }: WriteJob): Target {
  const { O_CREAT, O_DIRECT, O_EXCL, O_RDWR } = constants;
  const how = which === "new" ? O_RDWR | O_CREAT | O_EXCL : O_RDWR;
  const target = openDirect(path, how, O_DIRECT) ?? {
    path,
    // A file system that cannot do it may have created the file before it said so.
    descriptor: openSync(path, O_DIRECT === undefined ? how : how & ~O_EXCL),
    isDirect: false,
    plain: undefined,
  };
  targets.set(file, target);
  return target;
}

function openDirect(path: string, how: number, direct: number | undefined): Target | undefined {
  if (direct === undefined) return undefined;
  try {
    return { path, descriptor: openSync(path, how | direct), isDirect: true, plain: undefined };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EINVAL") return undefined;
    throw error;
  }
}

function writeSlab(target: Target, position: number, bytes: number): void {
  const descriptor = descriptorFor(target, position, bytes);
  const written = writeSync(descriptor, slab, 0, bytes, position);
  if (written === bytes) return;
  // The rest is offered once more, only to learn the reason. Should it fit now, the write has failed all the same.
  writeSync(descriptor, slab, written, bytes - written, position + written);
  throw new Error(`a write of ${bytes} bytes stopped after ${written}`);
}

function descriptorFor(target: Target, position: number, bytes: number): number {
  const isAligned = position % blockBytes === 0 && bytes % blockBytes === 0;
  if (!target.isDirect || isAligned) return target.descriptor;
  target.plain ??= openSync(target.path, constants.O_RDWR);
  return target.plain;
}

function end({ file, kind }: EndJob): void {
  const target = targets.get(file);
  targets.delete(file);
  if (target === undefined) {
    if (kind === "finish") throw new Error("nothing was written to it");
    return;
  }
  try {
    // The file's, whichever descriptor wrote.
    if (kind === "finish") fdatasyncSync(target.descriptor);
  } finally {
    closeSync(target.descriptor);
    if (target.plain !== undefined) closeSync(target.plain);
  }
}
