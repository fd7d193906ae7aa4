import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, Timer } from "@ropewalk/runtime";
import type { PeerConfig } from "./peer-config.ts";
import type { LaneCounters } from "./peer-counters.ts";
import { encodeRequest } from "./request-codec.ts";
import type { PeerAnswer, PeerMethod } from "./request-codec.ts";

interface PendingRequest {
  readonly buffers: readonly Uint8Array[];
  readonly bytes: number;
  readonly timer: Timer;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: RopewalkError) => void;
  isSent: boolean;
}

/** What a lane's requests need to know. */
export interface PendingRequestsOptions {
  readonly clock: Clock;
  readonly config: PeerConfig;
  readonly counters: LaneCounters;
  readonly peerId: number;
  /** Requests that wait to be sent take no more than this, unless one alone is larger. */
  readonly unsentBytesMax: number;
}

/**
 * The requests of one lane that are not answered yet. One that was sent when its connection broke, or
 * whose answer did not come in time, may have had its effect (an indefinite error); one that was never
 * sent has not (a definite one), and waits for the next connection until its time is up.
 */
export class PendingRequests {
  readonly #options: PendingRequestsOptions;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #unsent = new Set<number>();
  #unsentBytes = 0;
  #lastId = 0;

  constructor(options: PendingRequestsOptions) {
    this.#options = options;
  }

  get hasUnsent(): boolean {
    return this.#unsent.size > 0;
  }

  /** Queues a request. `body` must stay untouched until the promise settles. */
  add(method: PeerMethod, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { clock, config, peerId, unsentBytesMax } = this.#options;
    const isFull =
      this.#pending.size >= config.requestCountMax ||
      (this.#unsentBytes > 0 && this.#unsentBytes + body.length > unsentBytesMax);
    if (isFull) {
      const message = `Cannot ask broker ${peerId} for ${method}: too many requests wait for it.`;
      return Promise.reject(this.#failed(new RopewalkError("BUSY", message)));
    }
    const id = this.#nextId();
    const buffers = encodeRequest(id, method, body);
    const bytes = (buffers[0]?.length ?? 0) + body.length;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(timeoutMs, () => this.#expire(id, method, timeoutMs));
      this.#pending.set(id, { buffers, bytes, timer, resolve, reject, isSent: false });
      this.#unsent.add(id);
      this.#unsentBytes += bytes;
    });
  }

  /** Pushes frames of requests that were not sent yet: at least one, then up to `bytesMax`. */
  takeUnsent(buffers: Uint8Array[], bytesMax: number): void {
    const { counters } = this.#options;
    let bytes = 0;
    for (const id of this.#unsent) {
      const request = this.#pending.get(id);
      if (request === undefined) continue;
      if (bytes > 0 && bytes + request.bytes > bytesMax) return;
      bytes += request.bytes;
      buffers.push(...request.buffers);
      request.isSent = true;
      this.#leaveUnsent(id, request);
      counters.requestsSent += 1;
      counters.framesSent += 1;
    }
  }

  /** Settles the request that `answer` is for; late answers are ignored. A body is given away. */
  settle(answer: PeerAnswer): void {
    const request = this.#remove(answer.requestId);
    if (request === undefined) return;
    if (answer.outcome instanceof RopewalkError) request.reject(this.#failed(answer.outcome));
    else request.resolve(answer.outcome);
  }

  /** Fails what was sent over a connection that is no more. */
  failSent(reason: string): void {
    for (const [id, request] of this.#pending) {
      if (!request.isSent) continue;
      const message = `Broker ${this.#options.peerId} did not answer: ${reason}.`;
      this.#remove(id);
      request.reject(this.#failed(new RopewalkError("UNKNOWN_OUTCOME", message)));
    }
  }

  /** Fails everything. */
  failAll(reason: string): void {
    this.failSent(reason);
    for (const [id, request] of this.#pending) {
      const message = `Cannot reach broker ${this.#options.peerId}: ${reason}.`;
      this.#remove(id);
      request.reject(this.#failed(new RopewalkError("LEADER_NOT_AVAILABLE", message)));
    }
  }

  #expire(id: number, method: PeerMethod, timeoutMs: number): void {
    const request = this.#remove(id);
    if (request === undefined) return;
    const who = `broker ${this.#options.peerId}`;
    const error = request.isSent
      ? new RopewalkError(
          "REQUEST_TIMED_OUT",
          `No answer from ${who} to ${method} within ${timeoutMs} ms.`,
        )
      : new RopewalkError(
          "LEADER_NOT_AVAILABLE",
          `Cannot ask ${who} for ${method}: it was not reached within ${timeoutMs} ms.`,
        );
    request.reject(this.#failed(error));
  }

  #remove(id: number): PendingRequest | undefined {
    const request = this.#pending.get(id);
    if (request === undefined) return undefined;
    this.#pending.delete(id);
    request.timer.cancel();
    if (!request.isSent) this.#leaveUnsent(id, request);
    return request;
  }

  #leaveUnsent(id: number, request: PendingRequest): void {
    this.#unsent.delete(id);
    this.#unsentBytes -= request.bytes;
  }

  #failed(error: RopewalkError): RopewalkError {
    this.#options.counters.requestsFailed += 1;
    return error;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }
}
