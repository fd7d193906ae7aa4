import type { FetchSegment, GroupKey } from "@ropewalk/log";
import { type ErrorCode, RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Clock } from "@ropewalk/runtime";
import type { RemoteCaller } from "../remote-caller.ts";
import type { Interruption } from "./interruption.ts";

/** One request brings this much at most. */
export const segmentPieceBytesMax: number = 1024 * 1024;

const attemptsMax = 3;
const firstRetryMs = 200;

/** After these the same piece may well be had a moment later. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BUSY",
  "LEADER_NOT_AVAILABLE",
  "REQUEST_TIMED_OUT",
  "UNKNOWN_OUTCOME",
]);

/** Resolves when so many bytes of a group may be fetched. */
export type PieceAdmission = (key: GroupKey, bytes: number) => Promise<void>;

/** Reads segments of other brokers over the lane for large things, piece by piece. */
export class SegmentFetcher {
  readonly #caller: RemoteCaller;
  readonly #clock: Clock;
  readonly #interruption: Interruption;
  readonly #timeoutMs: number;
  readonly #admitted: PieceAdmission;

  constructor(
    caller: RemoteCaller,
    clock: Clock,
    interruption: Interruption,
    timeoutMs: number,
    admitted: PieceAdmission = () => Promise.resolve(),
  ) {
    this.#caller = caller;
    this.#clock = clock;
    this.#interruption = interruption;
    this.#timeoutMs = timeoutMs;
    this.#admitted = admitted;
  }

  /** Reads segments of one group at one broker. */
  from(brokerId: number, key: GroupKey): FetchSegment {
    return async (fileId, position, length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const wanted = Math.min(length - at, segmentPieceBytesMax);
        await this.#interruption.guard(this.#admitted(key, wanted));
        const request = { ...key, fileId, position: position + at, length: wanted };
        const piece = await this.#piece(brokerId, request);
        if (piece.length !== wanted) {
          const message = `Broker ${brokerId} has ${piece.length} of ${wanted} bytes of segment ${fileId} at ${position + at}`;
          throw new RopewalkError("CORRUPT_MESSAGE", message);
        }
        bytes.set(piece, at);
        at += wanted;
      }
      return bytes;
    };
  }

  async #piece(brokerId: number, request: SegmentPiece): Promise<Uint8Array> {
    const method = peerService.readSegment;
    const options = { answerSize: "large", timeoutMs: this.#timeoutMs } as const;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = this.#caller.call(method, brokerId, request, options);
        return (await this.#interruption.guard(answer)).data;
      } catch (error) {
        const isPassing = error instanceof RopewalkError && passing.has(error.code);
        if (!isPassing || attempt === attemptsMax || this.#interruption.isOver) throw error;
        await this.#interruption.pause(this.#clock, firstRetryMs * 2 ** (attempt - 1));
      }
    }
  }
}

interface SegmentPiece extends GroupKey {
  readonly fileId: number;
  readonly position: number;
  readonly length: number;
}
