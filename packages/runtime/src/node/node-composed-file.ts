import type { ComposedFile, DiskError, FilePiece } from "../disk.ts";
import { type ComposeFailure, inMemory, rangeWidth } from "./compose-job.ts";
import { diskFailure } from "./disk-failure.ts";
import type { FileComposer } from "./file-composer.ts";
import { NodeDiskFile } from "./node-disk-file.ts";

/** A file that a thread of its own writes. Ranges are those of this runtime's files. */
export class NodeComposedFile implements ComposedFile {
  readonly path: string;
  readonly #composer: FileComposer;
  readonly #which: "new" | "existing";
  readonly #file: number;
  #failure: DiskError | undefined;

  constructor(composer: FileComposer, path: string, which: "new" | "existing") {
    this.path = path;
    this.#composer = composer;
    this.#which = which;
    this.#file = composer.takeFile();
  }

  async write(position: number, pieces: readonly FilePiece[]): Promise<void> {
    this.#assertSound();
    const settled = Promise.withResolvers<undefined>();
    const action = `write at ${position} of ${this.path}`;
    try {
      const { memory, ranges } = piecesAsRanges(pieces, settled.promise);
      const [file, path, which] = [this.#file, this.path, this.#which];
      const failure = await this.#composer.do(file, (job) => ({
        kind: "write",
        job,
        file,
        path,
        which,
        position,
        ranges,
        memory,
      }));
      this.#throwIf(failure, action);
    } finally {
      settled.resolve(undefined);
    }
  }

  async finish(): Promise<void> {
    this.#assertSound();
    const file = this.#file;
    const failure = await this.#composer.do(file, (job) => ({ kind: "finish", job, file }));
    // Whatever the system says: what it lost had been accepted.
    this.#throwIf(failure, `sync ${this.path}`, "IO");
  }

  async abandon(): Promise<void> {
    const file = this.#file;
    await this.#composer.do(file, (job) => ({ kind: "abandon", job, file }));
  }

  #throwIf(failure: ComposeFailure | undefined, action: string, code?: "IO"): void {
    if (failure === undefined) return;
    const cause = Object.assign(new Error(failure.message), { code: failure.code });
    const which = failure.of === "source" ? "SOURCE" : code;
    this.#failure = diskFailure(
      which === "SOURCE" ? `read what is to be written, for: ${action}` : action,
      cause,
      which,
    );
    throw this.#failure;
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** What is in memory is copied together; files stay open until `done`. */
function piecesAsRanges(
  pieces: readonly FilePiece[],
  done: Promise<unknown>,
): { readonly ranges: Float64Array<ArrayBuffer>; readonly memory: Uint8Array<ArrayBuffer> } {
  const ranges = new Float64Array(pieces.length * rangeWidth);
  const memory: Uint8Array[] = [];
  const lent = new Map<NodeDiskFile, number>();
  let memoryBytes = 0;
  for (const [row, piece] of pieces.entries()) {
    if (piece instanceof Uint8Array) {
      ranges.set([inMemory, memoryBytes, piece.length], row * rangeWidth);
      memory.push(piece);
      memoryBytes += piece.length;
      continue;
    }
    const { bytes, file, position } = piece;
    if (!(file instanceof NodeDiskFile)) throw new TypeError(`${file.path} is none of this disk`);
    const descriptor = lent.get(file) ?? file.lend(done);
    lent.set(file, descriptor);
    ranges.set([descriptor, position, bytes], row * rangeWidth);
  }
  return { ranges, memory: joined(memory, memoryBytes) };
}

// Each piece of memory costs the thread more than its bytes.
function joined(memory: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of memory) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
