import type { GroupKey } from "./group-key.ts";
import { BATCH_ITEMS_MAX } from "./peer-batch.ts";
import type { FullHeartbeat, FullHeartbeatResponse, PeerBatch } from "./peer-batch.ts";

const NO_HEARTBEATS: readonly FullHeartbeat[] = [];
const NO_RESPONSES: readonly FullHeartbeatResponse[] = [];
const NO_GROUPS: readonly GroupKey[] = [];

/** Who sends to whom: the head of every batch of a pair. */
export interface BatchRoute {
  readonly from: number;
  readonly to: number;
  readonly epoch: number;
}

/** Numbers the batches of a process; one counter may serve for several peers. */
export interface BatchCounter {
  last: number;
}

/** What gathers for one peer until it leaves. */
export class OutgoingBatch {
  readonly #route: BatchRoute;
  readonly #counter: BatchCounter;
  #itemCount = 0;
  #isUrgent = false;
  #heartbeats: FullHeartbeat[] = [];
  #lightHeartbeats: GroupKey[] = [];
  #responses: FullHeartbeatResponse[] = [];
  #lightResponses: GroupKey[] = [];
  #wakes: GroupKey[] = [];
  /** Full ones, in order, that wait for the rest. */
  #closed: PeerBatch[] = [];

  constructor(route: BatchRoute, counter: BatchCounter = { last: 0 }) {
    this.#route = route;
    this.#counter = counter;
  }

  /** Whether something gathered that must not wait for the interval to end. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Whether nothing gathered. */
  get isEmpty(): boolean {
    return this.#itemCount === 0 && this.#closed.length === 0;
  }

  /** A heartbeat with a read's context is urgent: somebody waits for the answer. */
  addHeartbeat(heartbeat: FullHeartbeat): void {
    if (heartbeat.context !== 0) this.#isUrgent = true;
    this.#heartbeats.push(heartbeat);
    this.#count();
  }

  addLightHeartbeat(group: GroupKey): void {
    this.#lightHeartbeats.push(group);
    this.#count();
  }

  addResponse(response: FullHeartbeatResponse): void {
    this.#isUrgent = true;
    this.#responses.push(response);
    this.#count();
  }

  addLightResponse(group: GroupKey): void {
    this.#isUrgent = true;
    this.#lightResponses.push(group);
    this.#count();
  }

  addWake(group: GroupKey): void {
    this.#isUrgent = true;
    this.#wakes.push(group);
    this.#count();
  }

  /** Hands out what gathered: at least one batch, which may be empty. */
  takeInto(batches: PeerBatch[]): void {
    for (const batch of this.#closed) batches.push(batch);
    if (this.#closed.length > 0) this.#closed = [];
    batches.push(this.#close());
    this.#isUrgent = false;
  }

  #count(): void {
    this.#itemCount++;
    if (this.#itemCount >= BATCH_ITEMS_MAX) this.#closed.push(this.#close());
  }

  #close(): PeerBatch {
    const { from, to, epoch } = this.#route;
    this.#counter.last++;
    const batch: PeerBatch = {
      from,
      to,
      epoch,
      sequence: this.#counter.last,
      heartbeats: this.#heartbeats.length === 0 ? NO_HEARTBEATS : this.#heartbeats,
      lightHeartbeats: this.#lightHeartbeats.length === 0 ? NO_GROUPS : this.#lightHeartbeats,
      responses: this.#responses.length === 0 ? NO_RESPONSES : this.#responses,
      lightResponses: this.#lightResponses.length === 0 ? NO_GROUPS : this.#lightResponses,
      wakes: this.#wakes.length === 0 ? NO_GROUPS : this.#wakes,
    };
    // A list that is handed out is never pushed to again.
    if (this.#heartbeats.length > 0) this.#heartbeats = [];
    if (this.#lightHeartbeats.length > 0) this.#lightHeartbeats = [];
    if (this.#responses.length > 0) this.#responses = [];
    if (this.#lightResponses.length > 0) this.#lightResponses = [];
    if (this.#wakes.length > 0) this.#wakes = [];
    this.#itemCount = 0;
    return batch;
  }
}
