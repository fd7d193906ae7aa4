import { decodeConfChange } from "../src/conf-change.ts";
import type { ConfState } from "../src/conf-state.ts";
import type { Entry } from "../src/entry.ts";
import { NO_DATA } from "../src/entry.ts";
import type { Message } from "../src/message.ts";
import { APPEND_THREAD, APPLY_THREAD } from "../src/message.ts";
import { RawNode } from "../src/raw-node.ts";
import type { Ready } from "../src/ready.ts";
import type { Snapshot } from "../src/snapshot.ts";
import { FlakyStorage } from "./flaky-storage.ts";
import type { Observer } from "./invariants.ts";
import type { Prng } from "./prng.ts";

/** Settings that one run gives to all of its nodes. */
export interface NodeOptions {
  readonly asyncStorageWrites: boolean;
  /** Whether what was applied survives a crash; else the node applies again from its snapshot. */
  readonly appliedIsDurable: boolean;
  readonly pendingProbability: number;
  readonly maxSizePerMsg: number;
  readonly maxInflightMsgs: number;
}

/** Where a node's messages go. */
export type Outbox = (message: Message) => void;

/** One member with its disk and state machine, which survive, and its process, which may not. */
export class SimulatedNode {
  readonly id: number;
  readonly storage: FlakyStorage;
  rawNode: RawNode | undefined;
  /** Writes that were handed out and are not durable. */
  writes: Message[] = [];
  /** Entries that were handed out and are not applied. */
  applies: Message[] = [];
  appliedIndex = 0;
  appliedConf: ConfState;
  seenTerm = 0;
  seenCommitted = 0;
  seenLeaderTerm = 0;
  readonly #options: NodeOptions;
  readonly #prng: Prng;
  readonly #observer: Observer;
  readonly #outbox: Outbox;
  readonly #onRead: (context: number, index: number) => void;

  constructor(
    id: number,
    conf: ConfState,
    snapshot: Snapshot | undefined,
    options: NodeOptions,
    world: {
      readonly prng: Prng;
      readonly observer: Observer;
      readonly outbox: Outbox;
      readonly onRead: (context: number, index: number) => void;
    },
  ) {
    this.id = id;
    this.#options = options;
    this.#prng = world.prng;
    this.#observer = world.observer;
    this.#outbox = world.outbox;
    this.#onRead = world.onRead;
    this.storage = new FlakyStorage(world.prng, conf);
    this.storage.makeSnapshot = (): void => this.#makeSnapshot();
    this.appliedConf = conf;
    if (snapshot !== undefined) {
      this.#install({ snapshot });
      this.storage.setHardState({ term: snapshot.term, vote: 0, commit: snapshot.index });
    }
    this.start();
  }

  start(): void {
    const options = this.#options;
    this.storage.pendingProbability = 0;
    if (!options.appliedIsDurable) this.#returnToSnapshot();
    this.rawNode = new RawNode({
      id: this.id,
      storage: this.storage,
      random: this.#prng.integer,
      electionTick: 6,
      heartbeatTick: 1,
      applied: this.appliedIndex,
      asyncStorageWrites: options.asyncStorageWrites,
      maxSizePerMsg: options.maxSizePerMsg,
      maxCommittedSizePerReady: 200,
      maxUncommittedEntriesSize: 2_000,
      maxInflightMsgs: options.maxInflightMsgs,
      disableProposalForwarding: this.#prng.chance(0.5),
    });
    this.storage.pendingProbability = options.pendingProbability;
    this.seenTerm = this.rawNode.term;
    this.seenCommitted = this.rawNode.committed;
    this.seenLeaderTerm = 0;
  }

  #returnToSnapshot(): void {
    const snapshot = this.storage.latestSnapshot();
    this.appliedIndex = snapshot === "unavailable" ? 0 : snapshot.index;
    this.appliedConf = this.storage.initialState().confState;
  }

  /** The process dies. Of the writes under way, a leading part may have become durable unnoticed. */
  crash(): void {
    this.rawNode = undefined;
    const kept = this.#prng.integer(this.writes.length + 1);
    for (const write of this.writes.slice(0, kept)) this.#write(write);
    this.writes = [];
    this.applies = [];
    this.storage.finishFetch();
  }

  /** Collects what the node wants done. */
  collect(): void {
    const raw = this.rawNode;
    if (raw === undefined || !raw.hasReady()) return;
    const ready = raw.ready();
    this.#observer.entriesWritten(this, ready.entries);
    for (const read of ready.readStates) this.#onRead(read.context, read.index);
    if (this.#options.asyncStorageWrites) this.#dispatch(ready);
    else this.#processAtOnce(raw, ready);
  }

  #dispatch(ready: Ready): void {
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) this.writes.push(message);
      else if (message.to === APPLY_THREAD) this.applies.push(message);
      else this.#outbox(message);
    }
  }

  #processAtOnce(raw: RawNode, ready: Ready): void {
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
    if (ready.snapshot !== undefined) this.#install(ready);
    this.storage.append(ready.entries);
    for (const message of ready.messages) this.#outbox(message);
    this.#apply(ready.committedEntries);
    raw.advance();
  }

  /** Makes the oldest write durable and delivers what waited for it. */
  finishWrite(): void {
    const write = this.writes.shift();
    if (write === undefined) return;
    this.#write(write);
    for (const response of write.responses) this.#outbox(response);
  }

  #write(write: Message): void {
    if (write.term !== 0 || write.vote !== 0 || write.commit !== 0) {
      this.storage.setHardState({ term: write.term, vote: write.vote, commit: write.commit });
    }
    if (write.snapshot !== undefined) this.#install(write);
    this.storage.append(write.entries);
  }

  #install(source: Pick<Message, "snapshot">): void {
    const snapshot = source.snapshot;
    if (snapshot === undefined || snapshot.index <= this.appliedIndex) return;
    this.storage.applySnapshot(snapshot);
    this.appliedIndex = snapshot.index;
    this.appliedConf = snapshot.confState;
  }

  /** Applies the oldest batch of entries and tells the node. */
  finishApply(): void {
    const apply = this.applies.shift();
    if (apply === undefined) return;
    this.#apply(apply.entries);
    for (const response of apply.responses) this.rawNode?.step(response);
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // A snapshot that arrived while this work waited contains the entry already.
      if (entry.index <= this.appliedIndex) continue;
      this.#observer.entryApplied(this, entry);
      // The change may make the leader ask for a snapshot: until it is done that is of the state before.
      if (entry.type !== "normal" && this.rawNode !== undefined) {
        this.appliedConf = this.rawNode.applyConfChange(decodeConfChange(entry));
        if (this.#options.appliedIsDurable) this.storage.setConfState(this.appliedConf);
      }
      this.appliedIndex = entry.index;
      this.#observer.membershipAt(this, entry.index, this.appliedConf);
    }
  }

  /** Cuts the log behind a new snapshot, leaving a few entries for followers. */
  compact(): void {
    this.#makeSnapshot();
    const snapshot = this.storage.latestSnapshot();
    if (snapshot === "unavailable") return;
    const keep = this.#prng.integer(5);
    this.storage.compact(Math.max(snapshot.index - keep, 0));
  }

  #makeSnapshot(): void {
    const snapshot = this.storage.latestSnapshot();
    const before = snapshot === "unavailable" ? 0 : snapshot.index;
    if (this.appliedIndex <= before || this.appliedIndex > this.storage.lastIndex()) return;
    this.storage.createSnapshot(this.appliedIndex, this.appliedConf, NO_DATA);
    this.storage.setConfState(this.appliedConf);
  }

  /** The term at `index` in this log as its node sees it, with `entries` about to be written; else 0. */
  termAt(index: number, entries: readonly Entry[]): number {
    const first = entries[0];
    if (first !== undefined && index >= first.index) {
      return entries[index - first.index]?.term ?? 0;
    }
    return this.rawNode?.termAt(index) ?? 0;
  }

  /** Whether the entry, or a snapshot of it, would survive a crash now. */
  hasDurably(index: number, term: number): boolean {
    return index < this.storage.firstIndex() || this.storage.term(index) === term;
  }
}
