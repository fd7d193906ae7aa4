import { decodeConfChange } from "../src/conf-change.ts";
import type { ConfState } from "../src/conf-state.ts";
import { EMPTY_CONF_STATE } from "../src/conf-state.ts";
import type { Config } from "../src/config.ts";
import type { Entry } from "../src/entry.ts";
import { NO_DATA } from "../src/entry.ts";
import type { RaftEvent } from "../src/event.ts";
import { MemoryStorage } from "../src/memory-storage.ts";
import type { Message } from "../src/message.ts";
import { RawNode } from "../src/raw-node.ts";
import type { ReadState } from "../src/read-only.ts";
import type { Ready } from "../src/ready.ts";

const ROUNDS_MAX = 1_000;

/** How a member starts: what its disk holds and how its node differs from the usual. */
export interface MemberStart {
  /** Terms of the entries 1, 2, … in its log. */
  readonly terms?: readonly number[];
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
  readonly config?: Partial<Config>;
}

/** One member of an {@link InMemoryGroup}: its disk, its node, and what came out of it. */
export class Member {
  readonly id: number;
  readonly storage: MemoryStorage;
  readonly start: MemberStart;
  node: RawNode;
  readonly events: RaftEvent[] = [];
  readonly applied: Entry[] = [];
  readonly readStates: ReadState[] = [];

  constructor(id: number, conf: ConfState, start: MemberStart) {
    this.id = id;
    this.start = start;
    this.storage = new MemoryStorage(conf);
    this.storage.append(entriesOf(start.terms ?? []));
    const { term = start.terms?.at(-1) ?? 0, vote = 0, commit = 0 } = start;
    this.storage.setHardState({ term, vote, commit });
    this.node = this.#newNode(0);
  }

  /** Ends the process and starts it again from disk. */
  restart(): void {
    this.node = this.#newNode(this.applied.at(-1)?.index ?? 0);
  }

  #newNode(applied: number): RawNode {
    return new RawNode({
      id: this.id,
      storage: this.storage,
      random: () => 0,
      electionTick: 10,
      heartbeatTick: 1,
      applied,
      onEvent: (event) => this.events.push(event),
      ...this.start.config,
    });
  }

  /** Stores what `ready` wants stored. */
  store(ready: Ready): void {
    if (ready.snapshot !== undefined) this.storage.applySnapshot(ready.snapshot);
    this.storage.append(ready.entries);
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
    this.readStates.push(...ready.readStates);
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.applied.push(entry);
      if (entry.type === "normal") continue;
      this.storage.setConfState(this.node.applyConfChange(decodeConfChange(entry)));
    }
  }

  /** Makes a snapshot of all that is applied and cuts the log behind it. */
  compact(): void {
    const last = this.applied.at(-1);
    if (last === undefined) return;
    this.storage.createSnapshot(last.index, this.node.confState, NO_DATA);
    this.storage.compact(last.index);
  }

  /** Terms of the whole log, from the first index on. */
  get terms(): readonly number[] {
    const terms: number[] = [];
    for (let index = this.storage.firstIndex(); index <= this.node.lastIndex; index++) {
      terms.push(this.node.termAt(index));
    }
    return terms;
  }
}

/** Members whose messages are delivered when a test says so, in order and without loss unless it cuts links. */
export class InMemoryGroup {
  readonly members: readonly Member[];
  inFlight: Message[] = [];
  readonly #cut = new Set<string>();
  #refused: (message: Message) => boolean = () => false;

  /** Members 1 to `count`, all of them voters unless `conf` says otherwise. */
  constructor(
    count: number,
    starts: Readonly<Record<number, MemberStart>> = {},
    conf: ConfState = votersUpTo(count),
  ) {
    this.members = Array.from({ length: count }, (_, position) => {
      const id = position + 1;
      return new Member(id, conf, starts[id] ?? starts[0] ?? {});
    });
  }

  member(id: number): Member {
    const member = this.members[id - 1];
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  node(id: number): RawNode {
    return this.member(id).node;
  }

  /** Lets one node have its Ready stored, sent and applied; answers what it sent. */
  process(id: number): readonly Message[] {
    const { node } = this.member(id);
    const sent: Message[] = [];
    for (let round = 0; node.hasReady(); round++) {
      if (round > ROUNDS_MAX) throw new Error(`node ${id} never comes to rest`);
      const ready = node.ready();
      this.member(id).store(ready);
      this.member(id).apply(ready.committedEntries);
      sent.push(...ready.messages);
      node.advance();
    }
    this.inFlight.push(...sent);
    return sent;
  }

  /** Delivers messages until there are none. */
  settle(): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const { id } of this.members) this.process(id);
      const messages = this.inFlight;
      this.inFlight = [];
      if (messages.length === 0) return;
      for (const message of messages) if (this.#passes(message)) this.deliver(message);
    }
    throw new Error("the group never comes to rest");
  }

  deliver(message: Message): void {
    this.node(message.to).step(message);
  }

  #passes(message: Message): boolean {
    return !this.#cut.has(`${message.from}>${message.to}`) && !this.#refused(message);
  }

  /** Node `id` campaigns and everything that follows is delivered. */
  elect(id: number): void {
    this.node(id).campaign();
    this.settle();
  }

  tick(id: number, count = 1): void {
    for (let ticked = 0; ticked < count; ticked++) this.node(id).tick();
  }

  /** Nothing arrives from `from` at `to`. */
  cut(from: number, to: number): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Nothing arrives at `id` or from it. */
  isolate(id: number): void {
    for (const other of this.members) {
      this.cut(id, other.id);
      this.cut(other.id, id);
    }
  }

  /** Messages that `refused` answers true for are lost. */
  refuse(refused: (message: Message) => boolean): void {
    this.#refused = refused;
  }

  heal(): void {
    this.#cut.clear();
    this.#refused = () => false;
  }

  get leaders(): readonly number[] {
    return this.members.filter(({ node }) => node.role === "leader").map(({ id }) => id);
  }
}

/** A group whose first member leads. */
export function groupWithLeader(
  count = 3,
  starts: Readonly<Record<number, MemberStart>> = {},
): InMemoryGroup {
  const group = new InMemoryGroup(count, starts);
  group.elect(1);
  return group;
}

/** A membership of voters 1 to `count`. */
export function votersUpTo(count: number): ConfState {
  return {
    ...EMPTY_CONF_STATE,
    voters: Array.from({ length: count }, (_, position) => position + 1),
  };
}

/** Entries from `firstIndex` on with these terms and no data. */
export function entriesOf(terms: readonly number[], firstIndex = 1): readonly Entry[] {
  return terms.map((term, position) => ({
    index: firstIndex + position,
    term,
    type: "normal",
    data: NO_DATA,
  }));
}

/** `text` as the data of a proposal. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
