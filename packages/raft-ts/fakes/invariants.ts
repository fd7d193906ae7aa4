import type { ConfState } from "../src/conf-state.ts";
import type { Entry } from "../src/entry.ts";
import { jointVoteResult } from "../src/quorum/joint.ts";
import type { RawNode } from "../src/raw-node.ts";
import type { Snapshot } from "../src/snapshot.ts";

/** A property of Raft that did not hold. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** What is seen of a node from outside, and what was seen of it last. */
export interface ObservedNode {
  readonly id: number;
  readonly storage: { firstIndex(): number };
  readonly rawNode: RawNode | undefined;
  readonly appliedIndex: number;
  seenTerm: number;
  seenCommitted: number;
  seenLeaderTerm: number;
  /** The term at an index of the log, with these entries behind it; 0: none is known. */
  termAt(index: number, entries: readonly Entry[]): number;
  /** Whether the entry would be there after a crash. */
  hasDurably(index: number, term: number): boolean;
}

interface KnownEntry {
  readonly data: string;
  readonly previousTerm: number;
}

/** Who led a term, and the log that it began to lead with, as far as it was not compacted. */
interface KnownLeader {
  readonly id: number;
  readonly firstIndex: number;
  /** From `firstIndex` on. */
  readonly terms: readonly number[];
}

/** What an outside observer of all nodes knows, and what must hold of it after every step. */
export class Observer {
  /** Election safety and leader completeness: who led a term. */
  readonly #leaderOfTerm = new Map<number, KnownLeader>();
  /** Log matching: what an entry is and what stands before it, by "index/term". */
  readonly #entries = new Map<string, KnownEntry>();
  /** Terms of committed entries by index, from 1. */
  readonly #committedTerms: number[] = [0];
  /** The terms in which they were committed, as far as was seen: the lowest of a node that knew it. */
  readonly #committedIn: number[] = [0];
  /** The membership in force by applied index. */
  readonly #memberships = new Map<number, string>();
  /** What was applied by index, from 1. */
  readonly #applied: string[] = [""];

  /** Highest index that any node knew to be committed. */
  get committed(): number {
    return this.#committedTerms.length - 1;
  }

  /** The group begins with a snapshot that its first members have. */
  startsWith(snapshot: Snapshot): void {
    for (let index = 1; index <= snapshot.index; index++) {
      this.#committedTerms.push(snapshot.term);
      this.#committedIn.push(snapshot.term);
    }
  }

  /** Entries enter a log: (index, term) decides data and predecessor, so equal ends mean equal logs. */
  entriesWritten(node: ObservedNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const previousTerm = node.termAt(entry.index - 1, entries);
      const known = { data: fingerprint(entry), previousTerm };
      const key = `${entry.index}/${entry.term}`;
      const before = this.#entries.get(key);
      if (before === undefined) {
        this.#entries.set(key, known);
      } else if (before.data !== known.data || before.previousTerm !== known.previousTerm) {
        throw new InvariantViolation(`log matching: two entries ${key} on node ${node.id}`);
      }
    }
  }

  /** An entry reaches a state machine: every node applies the same one at an index. */
  entryApplied(node: ObservedNode, entry: Entry): void {
    if (entry.index !== node.appliedIndex + 1) {
      throw new InvariantViolation(`node ${node.id} applies ${entry.index} out of order`);
    }
    const text = `${entry.term}:${fingerprint(entry)}`;
    this.#applied[entry.index] ??= text;
    if (this.#applied[entry.index] !== text) {
      throw new InvariantViolation(`state machine safety: node ${node.id} at ${entry.index}`);
    }
  }

  /** A state machine stands at an index: its membership follows from what was applied up to there. */
  membershipAt(node: ObservedNode, index: number, conf: ConfState): void {
    const text = JSON.stringify(conf);
    const known = this.#memberships.get(index) ?? text;
    this.#memberships.set(index, known);
    if (known !== text) {
      throw new InvariantViolation(
        `membership at ${index}: node ${node.id} has ${text}, not ${known}`,
      );
    }
  }

  /** A node was touched: compares it with what it was and with what is known. */
  observe(node: ObservedNode): void {
    const raw = node.rawNode;
    if (raw === undefined) return;
    if (raw.term < node.seenTerm) throw new InvariantViolation(`term of node ${node.id} fell`);
    if (raw.committed < node.seenCommitted) {
      throw new InvariantViolation(`commit index of node ${node.id} fell`);
    }
    if (raw.committed > raw.lastIndex) {
      throw new InvariantViolation(`node ${node.id} lacks entries it knows to be committed`);
    }
    if (raw.applied > raw.committed) throw new InvariantViolation("applied exceeds committed");
    if (raw.role === "leader" && node.seenLeaderTerm !== raw.term) this.#checkNewLeader(node);
    if (raw.committed > node.seenCommitted) this.#checkCommitted(node);
    node.seenTerm = raw.term;
    node.seenCommitted = raw.committed;
  }

  #checkNewLeader(node: ObservedNode): void {
    const raw = node.rawNode;
    if (raw === undefined) return;
    const other = this.#leaderOfTerm.get(raw.term)?.id ?? node.id;
    if (other !== node.id) {
      throw new InvariantViolation(`election safety: ${other} and ${node.id} lead ${raw.term}`);
    }
    const leader = knownLeader(node, raw.lastIndex);
    this.#leaderOfTerm.set(raw.term, leader);
    node.seenLeaderTerm = raw.term;
    for (let index = 1; index <= this.committed; index++) {
      this.#checkComplete(raw.term, leader, index);
    }
  }

  #checkCommitted(node: ObservedNode): void {
    const raw = node.rawNode;
    if (raw === undefined) return;
    const first = Math.max(node.seenCommitted + 1, node.storage.firstIndex());
    for (let index = first; index <= raw.committed; index++) {
      const term = node.termAt(index, []);
      if (term === 0) continue; // Covered by a snapshot that is on its way to storage.
      if (index > this.committed) this.#committedTerms.push(term);
      if (this.#committedTerms[index] !== term) {
        throw new InvariantViolation(`node ${node.id} commits another entry at ${index}`);
      }
      this.#noteCommittedIn(index, raw.term);
    }
  }

  /** Whoever led a later term may have been elected before anybody knew that the entry is committed. */
  #noteCommittedIn(index: number, term: number): void {
    if (term >= (this.#committedIn[index] ?? Infinity)) return;
    this.#committedIn[index] = term;
    for (const [ledTerm, leader] of this.#leaderOfTerm) this.#checkComplete(ledTerm, leader, index);
  }

  /**
   * What was committed in a term is in the log of every leader of a later one (Raft, §5.4.3). A leader of an earlier
   * term may come late: its own vote became durable after others had led and committed.
   */
  #checkComplete(term: number, { firstIndex, id, terms }: KnownLeader, index: number): void {
    if (term <= (this.#committedIn[index] ?? Infinity) || index < firstIndex) return;
    if (terms[index - firstIndex] !== this.#committedTerms[index]) {
      throw new InvariantViolation(`leader completeness: ${id} lacks ${index} in ${term}`);
    }
  }

  /** A leader commits: the entry must be on the disks of a quorum of its membership. */
  checkDurableOnQuorum(leader: ObservedNode, nodes: readonly ObservedNode[]): void {
    const raw = leader.rawNode;
    if (raw === undefined || raw.role !== "leader") return;
    if (raw.committed <= leader.seenCommitted) return;
    const index = raw.committed;
    const term = leader.termAt(index, []);
    const votes = new Map<number, boolean>();
    for (const node of nodes) votes.set(node.id, node.hasDurably(index, term));
    if (jointVoteResult(raw.confState, votes) !== "won") {
      throw new InvariantViolation(`${index} was committed without a quorum of disks`);
    }
  }
}

function knownLeader(node: ObservedNode, lastIndex: number): KnownLeader {
  const firstIndex = node.storage.firstIndex();
  const terms: number[] = [];
  for (let index = firstIndex; index <= lastIndex; index++) terms.push(node.termAt(index, []));
  return { id: node.id, firstIndex, terms };
}

function fingerprint(entry: Entry): string {
  return `${entry.type}:${Buffer.from(entry.data).toString("hex")}`;
}
