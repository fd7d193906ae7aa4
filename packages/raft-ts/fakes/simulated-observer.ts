import type { Entry } from "../src/entry.ts";
import { jointVoteResult } from "../src/quorum/joint.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";

/** A property that did not hold. */
class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** What an outside observer knows of one group. */
interface GroupHistory {
  readonly leaderOfTerm: Map<number, number>;
  /** What an entry is and what stands before it, by "index/term". */
  readonly entries: Map<string, string>;
  /** Terms of committed entries by index. */
  readonly committedTerms: number[];
  /** The terms in which they were committed, as far as was seen: the earliest of a replica that knew it. */
  readonly committedIn: number[];
  /** What was applied by index. */
  readonly applied: string[];
}

/** Sees all replicas of all groups, and throws as soon as one of Raft's promises is broken. */
export class SimulatedObserver {
  readonly #histories = new Map<number, GroupHistory>();
  /** The least index that a read may be answered with, by its context. */
  readonly #reads = new Map<number, number>();
  readsAnswered = 0;

  /** Highest index of a group that any replica knew to be committed. */
  committed(groupId: number): number {
    return this.#history(groupId).committedTerms.length - 1;
  }

  /** What was applied in a group, from index 1 on. */
  applied(groupId: number): readonly string[] {
    return this.#history(groupId).applied.slice(1);
  }

  /** Terms of a group in which somebody led. */
  ledTermCount(groupId: number): number {
    return this.#history(groupId).leaderOfTerm.size;
  }

  #history(groupId: number): GroupHistory {
    let history = this.#histories.get(groupId);
    if (history === undefined) {
      history = {
        leaderOfTerm: new Map(),
        entries: new Map(),
        committedTerms: [0],
        committedIn: [0],
        applied: [""],
      };
      this.#histories.set(groupId, history);
    }
    return history;
  }

  readAsked(context: number, groupId: number): void {
    this.#reads.set(context, this.committed(groupId));
  }

  /** A read sees everything that anybody knew to be committed when it was asked for. */
  readAnswered(context: number, index: number): void {
    const least = this.#reads.get(context);
    if (least === undefined || index < least) fail(`read ${context} at ${index} misses ${least}`);
    this.readsAnswered++;
  }

  /** Log matching: (index, term) decides data and predecessor. */
  entriesWritten(replica: SimulatedReplica, entries: readonly Entry[]): void {
    const known = this.#history(replica.group.key.groupId).entries;
    let previousTerm = replica.handle?.termAt((entries[0]?.index ?? 1) - 1) ?? 0;
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const text = `${previousTerm}:${fingerprint(entry)}`;
      if ((known.get(key) ?? text) !== text) fail(`two entries ${key} in ${name(replica)}`);
      known.set(key, text);
      previousTerm = entry.term;
    }
  }

  /** State machine safety: everybody applies the same entry at an index, and in order. */
  entryApplied(replica: SimulatedReplica, entry: Entry): void {
    if (entry.index !== replica.appliedIndex + 1) fail(`${name(replica)} applies out of order`);
    const { applied } = this.#history(replica.group.key.groupId);
    const text = `${entry.term}:${fingerprint(entry)}`;
    applied[entry.index] ??= text;
    if (applied[entry.index] !== text) fail(`${name(replica)} applies another ${entry.index}`);
  }

  /** Compares a replica with what it was and with what is known. `replicas` are all of its group. */
  observe(replica: SimulatedReplica, replicas: readonly SimulatedReplica[]): void {
    const handle = replica.handle;
    if (handle === undefined) return;
    if (handle.term < replica.seenTerm) fail(`the term of ${name(replica)} fell`);
    if (handle.committed < replica.seenCommitted) fail(`the commit of ${name(replica)} fell`);
    if (handle.committed > handle.lastIndex) fail(`${name(replica)} lacks committed entries`);
    if (handle.role === "leader" && replica.seenLeaderTerm !== handle.term) {
      this.#checkNewLeader(replica, handle.term);
    }
    if (handle.committed > replica.seenCommitted) this.#checkCommitted(replica, replicas);
    replica.seenTerm = handle.term;
    replica.seenCommitted = handle.committed;
  }

  /** What was committed in a term is in the log of every leader of a later one (Raft, §5.4). One of an earlier may come late. */
  #checkNewLeader(replica: SimulatedReplica, term: number): void {
    const history = this.#history(replica.group.key.groupId);
    const other = history.leaderOfTerm.get(term) ?? replica.nodeId;
    if (other !== replica.nodeId) fail(`${other} and ${name(replica)} lead term ${term}`);
    history.leaderOfTerm.set(term, replica.nodeId);
    replica.seenLeaderTerm = term;
    for (let index = 1; index < history.committedTerms.length; index++) {
      if ((history.committedIn[index] ?? 0) >= term) continue;
      if (replica.handle?.termAt(index) !== history.committedTerms[index]) {
        fail(`leader completeness: ${name(replica)} lacks ${index}`);
      }
    }
  }

  #checkCommitted(replica: SimulatedReplica, replicas: readonly SimulatedReplica[]): void {
    const { committedIn, committedTerms } = this.#history(replica.group.key.groupId);
    const committed = replica.handle?.committed ?? 0;
    for (let index = replica.seenCommitted + 1; index <= committed; index++) {
      const term = replica.handle?.termAt(index) ?? 0;
      if (index === committedTerms.length) {
        committedTerms.push(term);
        committedIn.push(replica.handle?.term ?? 0);
        if (replica.handle?.role === "leader") checkDurable(replica, replicas, index, term);
      }
      if (committedTerms[index] !== term) fail(`${name(replica)} commits another ${index}`);
    }
  }
}

/** What a leader commits is on the disks of a quorum of its membership. */
function checkDurable(
  leader: SimulatedReplica,
  replicas: readonly SimulatedReplica[],
  index: number,
  term: number,
): void {
  const holds = new Map<number, boolean>();
  for (const { nodeId, storage } of replicas) holds.set(nodeId, storage.term(index) === term);
  const conf = leader.handle?.confState;
  if (conf === undefined || jointVoteResult(conf, holds) !== "won") {
    fail(`${index} was committed by ${name(leader)} without a quorum of disks`);
  }
}

function fail(problem: string): never {
  throw new InvariantViolation(problem);
}

function name(replica: SimulatedReplica): string {
  return `group ${replica.group.key.groupId} on node ${replica.nodeId}`;
}

function fingerprint(entry: Entry): string {
  return `${entry.type}:${entry.data.join(",")}`;
}
