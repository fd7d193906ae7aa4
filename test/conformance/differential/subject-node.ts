import type { ConfState, Entry, HardState, Message, Ready, Snapshot, StepOutcome } from "raft-ts";
import {
  APPEND_THREAD,
  APPLY_THREAD,
  decodeConfChange,
  EMPTY_CONF_STATE,
  EMPTY_HARD_STATE,
  MemoryStorage,
  RawNode,
} from "raft-ts";
import { hasCommittedInTerm, withoutVoteCommit } from "./deviations.ts";
import type { GroupSettings } from "./schedule.ts";

/** A log in memory whose newest snapshot is the state as of the last applied entry. */
class SubjectStorage extends MemoryStorage {
  hardState: HardState = EMPTY_HARD_STATE;
  state: Snapshot = stateAsOf(0, 0, EMPTY_CONF_STATE);
  offersSnapshots = true;

  override initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.hardState, confState: this.state.confState };
  }

  override snapshot(): Snapshot | "unavailable" {
    return this.offersSnapshots && this.state.index > 0 ? this.state : "unavailable";
  }
}

function stateAsOf(index: number, term: number, confState: ConfState): Snapshot {
  return { index, term, confState, data: Buffer.from(String(index)) };
}

/** What a node is started with. */
export interface SubjectOptions {
  readonly id: number;
  readonly settings: GroupSettings;
  readonly random: (bound: number) => number;
  /** Takes messages for other nodes. */
  readonly post: (messages: readonly Message[]) => void;
}

/** One raft-ts node together with its owner: storage, state machine, and work not yet done. */
export class SubjectNode {
  readonly id: number;
  readonly storage: SubjectStorage = new SubjectStorage();
  readonly appends: Message[] = [];
  readonly applies: Message[] = [];
  rawNode: RawNode;
  /** Without asynchronous writes: the Ready that waits for {@link advance}. */
  accepted: Ready | undefined;
  readonly #options: SubjectOptions;
  /** How often each read that this leader has taken is still to be answered. */
  #openReads = new Map<number, number>();
  #openReadsTerm = 0;
  #holdsReads = false;

  constructor(options: SubjectOptions, members: ConfState | undefined) {
    this.id = options.id;
    this.#options = options;
    const base = options.settings.base;
    if (members !== undefined) {
      this.storage.state = stateAsOf(base, base === 0 ? 0 : 1, members);
      if (base > 0) {
        this.storage.applySnapshot(this.storage.state);
        this.storage.hardState = { term: 1, vote: 0, commit: base };
      }
    }
    this.rawNode = this.#start();
  }

  /** Starts anew with nothing but what is durable. */
  restart(): void {
    this.appends.length = 0;
    this.applies.length = 0;
    this.accepted = undefined;
    this.#openReads = new Map();
    this.#holdsReads = false;
    this.rawNode = this.#start();
  }

  #start(): RawNode {
    const { storage } = this;
    // What is applied is committed, even when the commit index was not written in time.
    const commit = Math.max(storage.hardState.commit, storage.state.index);
    storage.hardState = { ...storage.hardState, commit };
    const { settings, random } = this.#options;
    return new RawNode({
      id: this.id,
      storage,
      random,
      applied: storage.state.index,
      electionTick: settings.electionTick,
      heartbeatTick: settings.heartbeatTick,
      asyncStorageWrites: settings.async,
      maxSizePerMsg: settings.maxSizePerMsg,
      maxCommittedSizePerReady: settings.maxCommittedSizePerReady,
      maxUncommittedEntriesSize: settings.maxUncommittedEntriesSize,
      maxInflightMsgs: settings.maxInflightMsgs,
      maxInflightBytes: settings.maxInflightBytes,
      checkQuorum: settings.checkQuorum,
      preVote: settings.preVote,
      readOnlyOption: settings.leaseReads ? "leaseBased" : "safe",
      disableProposalForwarding: settings.disableProposalForwarding,
      stepDownOnRemoval: settings.stepDownOnRemoval,
    });
  }

  /** Takes a Ready. Without asynchronous writes it is made durable at once and applied by {@link advance}. */
  ready(): Ready {
    const taken = this.rawNode.ready();
    const ready = { ...taken, messages: taken.messages.map(withoutVoteCommit) };
    for (const { context } of ready.readStates) this.#readAnswered(context);
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) this.appends.push(message);
      else if (message.to === APPLY_THREAD) this.applies.push(message);
      else if (message.type === "MsgReadIndexResp") this.#readAnswered(message.context);
    }
    if (!this.#options.settings.async) {
      this.#write(ready.hardState, ready.entries, ready.snapshot);
      this.accepted = ready;
    }
    this.#options.post(ready.messages.filter((message) => message.to > 0));
    return ready;
  }

  advance(): void {
    this.#apply(this.accepted?.committedEntries ?? []);
    this.accepted = undefined;
    this.rawNode.advance();
  }

  /** Does the oldest append that waits, and delivers its responses. */
  processAppend(): void {
    const message = this.appends.shift();
    if (message === undefined) throw new Error(`node ${this.id} has nothing to append`);
    const { term, vote, commit } = message;
    const isChanged = term !== 0 || vote !== 0 || commit !== 0;
    this.#write(isChanged ? { term, vote, commit } : undefined, message.entries, message.snapshot);
    this.#respond(message);
  }

  /** Applies the oldest entries that wait, and delivers the response. */
  processApply(): void {
    const message = this.applies.shift();
    if (message === undefined) throw new Error(`node ${this.id} has nothing to apply`);
    this.#apply(message.entries);
    this.#respond(message);
  }

  #respond(message: Message): void {
    for (const response of message.responses) {
      if (response.to === this.id) this.rawNode.step(response);
      else this.#options.post([response]);
    }
  }

  #write(hardState: HardState | undefined, entries: readonly Entry[], snapshot?: Snapshot): void {
    const { storage } = this;
    if (hardState !== undefined) storage.hardState = hardState;
    if (snapshot !== undefined) {
      storage.applySnapshot(snapshot);
      if (snapshot.index > storage.state.index) storage.state = snapshot;
    }
    storage.append(entries);
  }

  /** Lets the state machine take entries; what a snapshot already contains is skipped. */
  #apply(entries: readonly Entry[]): void {
    const { storage } = this;
    for (const entry of entries) {
      if (entry.index <= storage.state.index) continue;
      let members = storage.state.confState;
      if (entry.type !== "normal") members = this.rawNode.applyConfChange(decodeConfChange(entry));
      storage.state = stateAsOf(entry.index, entry.term, members);
    }
  }

  /** Takes a message, and notes reads that a leader took. */
  step(message: Message): StepOutcome {
    const outcome = this.rawNode.step(message);
    if (message.type === "MsgReadIndex") this.#readTaken(message.context);
    return outcome;
  }

  read(context: number): void {
    this.rawNode.readIndex(context);
    this.#readTaken(context);
  }

  #readTaken(context: number): void {
    if (this.rawNode.role !== "leader") return;
    this.#openReads.set(context, (this.#openReads.get(context) ?? 0) + 1);
    this.#openReadsTerm = this.rawNode.term;
    if (!hasCommittedInTerm(this.rawNode)) this.#holdsReads = true;
  }

  #readAnswered(context: number): void {
    const count = this.#openReads.get(context) ?? 0;
    if (count > 1) this.#openReads.set(context, count - 1);
    else this.#openReads.delete(context);
  }

  /** Called after every command. Answers whether etcd/raft now keeps reads that this node has dropped. */
  keptReads(): boolean {
    const { rawNode } = this;
    const stillLeads = rawNode.role === "leader" && rawNode.term === this.#openReadsTerm;
    if (!stillLeads) this.#openReads.clear();
    if (stillLeads && hasCommittedInTerm(rawNode)) this.#holdsReads = false;
    return this.#holdsReads && !stillLeads;
  }

  get hasOpenReads(): boolean {
    return this.#openReads.size > 0;
  }

  /** The entries that are applied next. */
  nextApply(): readonly Entry[] {
    return this.accepted?.committedEntries ?? this.applies[0]?.entries ?? [];
  }

  hasConfChangesToApply(): boolean {
    return [
      this.accepted?.committedEntries ?? [],
      ...this.applies.map((work) => work.entries),
    ].some((entries) => entries.some((entry) => entry.type !== "normal"));
  }
}
