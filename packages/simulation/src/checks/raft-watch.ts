import {
  assignmentOfEntry,
  observedBatch,
  type ObservedReplica,
  type ObservedStep,
  type RaftObserver,
} from "@ropewalk/broker";
import { type GroupKey, type GroupWrite, groupName } from "@ropewalk/log";
import type { Anomaly } from "./anomaly.ts";
import { CommittedRecords } from "./committed-records.ts";
import { RaftHistory } from "./raft-history.ts";
import { ReplicaDisk } from "./replica-disk.ts";

/** States are compared as of every so many entries, where replicas stop there: they cost time. */
const entriesPerImage = 4;

/** What one process's replica did up to now. */
interface Replica {
  readonly group: RaftHistory;
  readonly disk: ReplicaDisk;
  isLeader: boolean;
  term: number;
  vote: number;
  commit: number;
  imageIndex: number;
  /** The members changed in what was applied last: what was committed meanwhile may be so by the old ones' word. */
  isChanging: boolean;
  /** It has applied what made it a member, in this process. */
  hasJoined: boolean;
}

/**
 * Sees all replicas of all Raft groups at once, and holds them against what Raft promises, while they run. What is
 * promised is in the words of the Raft paper, figure 3, and in packages/README.md.
 */
export class RaftWatch {
  readonly #report: (anomaly: Anomaly) => void;
  /** What of all partitions some replica has applied. */
  readonly committed: CommittedRecords = new CommittedRecords();
  readonly #groups = new Map<string, RaftHistory>();
  /** By broker and log: what outlives the broker's process. */
  readonly #disks = new Map<number, Map<string, ReplicaDisk>>();

  constructor(report: (anomaly: Anomaly) => void) {
    this.#report = report;
  }

  /** The broker lost its disk: what comes is new. What it said to be durable, and is on its way to leaders, was so. */
  forget(brokerId: number): void {
    this.#disks.delete(brokerId);
  }

  /** An observer of one process of a broker. */
  observe(brokerId: number): RaftObserver {
    const replicas = new Map<ObservedReplica, Replica>();
    const disks = this.#disksOf(brokerId);
    return {
      added: (replica) => void replicas.set(replica, this.#added(brokerId, replica)),
      removed: (replica) => {
        replicas.delete(replica);
        const name = groupName(replica.log.key);
        const disk = disks.get(name);
        // What its group has seen of it stays: its last answers may still be on their way.
        if (disk !== undefined) disks.set(name, disk.takenOut());
      },
      contradicted: (replica, error) => {
        const detail = `broker ${brokerId}: ${error.message}`;
        replicas.get(replica)?.group.tell("contradiction", detail);
      },
      stepped: (replica, step) => {
        const state = replicas.get(replica);
        if (state === undefined) return;
        stepped(brokerId, replica, state, step);
        this.#committed(groupName(replica.key), step);
      },
      writing: (writes) => eachDisk(disks, writes, (disk, write) => disk.writing(write)),
      durable: (writes) => eachDisk(disks, writes, (disk) => disk.durable()),
    };
  }

  #added(brokerId: number, { appliedIndex, key, log }: ObservedReplica): Replica {
    const group = this.#group(groupName(key));
    const disks = this.#disksOf(brokerId);
    const name = groupName(log.key);
    const loss = disks.get(name)?.lossIn(log);
    if (loss !== undefined) group.tell(kindOf(loss), `broker ${brokerId} started: ${loss}`);
    const disk = new ReplicaDisk(log);
    disks.set(name, disk);
    group.disks.set(brokerId, disk);
    const { commit, term, vote } = log.hardState;
    return {
      group,
      disk,
      isLeader: false,
      term,
      vote,
      commit,
      imageIndex: appliedIndex,
      isChanging: false,
      hasJoined: false,
    };
  }

  #committed(name: string, { committedEntries }: ObservedStep): void {
    for (const entry of committedEntries) {
      const batch = observedBatch(entry);
      if (batch !== undefined) this.committed.applied(name, batch);
    }
  }

  #group(name: string): RaftHistory {
    const group = this.#groups.get(name) ?? new RaftHistory(name, this.#report);
    this.#groups.set(name, group);
    return group;
  }

  #disksOf(brokerId: number): Map<string, ReplicaDisk> {
    const disks = this.#disks.get(brokerId) ?? new Map<string, ReplicaDisk>();
    this.#disks.set(brokerId, disks);
    return disks;
  }
}

function eachDisk(
  disks: ReadonlyMap<string, ReplicaDisk>,
  writes: readonly GroupWrite[],
  act: (disk: ReplicaDisk, write: GroupWrite) => void,
): void {
  for (const write of writes) {
    const disk = disks.get(nameOf(write.group.key));
    if (disk !== undefined) act(disk, write);
  }
}

/** Names by the keys that logs have for good: one is asked for at every write. */
const names = new WeakMap<GroupKey, string>();

function nameOf(key: GroupKey): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const name = groupName(key);
  names.set(key, name);
  return name;
}

function kindOf(loss: string): Anomaly["kind"] {
  if (loss.startsWith("term ")) return "term went back";
  return loss.startsWith("the vote ") ? "vote changed" : "forgotten entry";
}

function stepped(
  brokerId: number,
  observed: ObservedReplica,
  replica: Replica,
  step: ObservedStep,
): void {
  const { group } = replica;
  const { appliedIndex } = observed;
  if (appliedIndex > replica.imageIndex && appliedIndex % entriesPerImage === 0) {
    replica.imageIndex = appliedIndex;
    group.reached(brokerId, appliedIndex, observed.takeImage());
  }
  const wasLeaderIn = replica.isLeader ? replica.term : undefined;
  const commitBefore = replica.commit;
  takeHardState(brokerId, observed, replica, step);
  if (step.softState !== undefined) replica.isLeader = step.softState.role === "leader";
  const termAt = (index: number): number => termIn(observed, step, index);
  if (replica.isLeader && wasLeaderIn !== replica.term) {
    group.elected(brokerId, replica.term, termAt);
    if (!replica.isChanging) expectElected(brokerId, observed, replica);
  } else if (replica.isLeader && replica.commit > commitBefore && !replica.isChanging) {
    expectCommitted(brokerId, observed, replica, termAt(replica.commit));
  }
  expectConflict(brokerId, observed, group, step);
  for (const entry of step.committedEntries) {
    group.applied(brokerId, replica.term, entry);
    if (entry.type === "normal") continue;
    group.membersChanged(brokerId, entry.index, assignmentOfEntry(entry));
  }
  replica.isChanging = step.committedEntries.some(({ type }) => type !== "normal");
}

function takeHardState(
  brokerId: number,
  { hasJoined }: ObservedReplica,
  replica: Replica,
  { hardState }: ObservedStep,
): void {
  // One that has left the group since may vote for those who have not heard of it.
  replica.hasJoined ||= hasJoined;
  if (hardState === undefined) return;
  const { commit, term, vote } = hardState;
  const { group } = replica;
  const isNewVote = vote !== 0 && (term !== replica.term || vote !== replica.vote);
  if (isNewVote && !replica.hasJoined) {
    const detail = `broker ${brokerId} votes for ${vote} in term ${term}, and does not have what made it a member`;
    group.tell("vote of no member", detail);
  }
  if (term < replica.term) {
    group.tell("term went back", `broker ${brokerId} was in term ${replica.term}, now ${term}`);
  }
  if (term === replica.term && replica.vote !== 0 && vote !== replica.vote) {
    const detail = `broker ${brokerId} voted for ${replica.vote} in term ${term}, and for ${vote}`;
    group.tell("vote changed", detail);
  }
  if (commit < replica.commit) {
    group.tell("commit went back", `broker ${brokerId}: from ${replica.commit} to ${commit}`);
  }
  Object.assign(replica, { term, vote, commit });
}

/** A leader has the votes of a majority, and they are on disk (Raft §5.2, figure 2: before responding to RPCs). */
function expectElected(
  brokerId: number,
  { confState }: ObservedReplica,
  { group, term }: Replica,
): void {
  for (const majority of [confState.voters, confState.votersOutgoing]) {
    if (group.isElected(majority, term, brokerId)) continue;
    const detail = `broker ${brokerId} leads in term ${term} without a majority of the votes on the disks of ${majority.join(", ")}`;
    group.tell("early election", detail);
  }
}

/** A leader commits entries of its own term by counting (Raft §5.4.2), when a majority has them on disk. */
function expectCommitted(
  brokerId: number,
  { confState }: ObservedReplica,
  { commit, group, term }: Replica,
  entryTerm: number,
): void {
  if (entryTerm !== term) {
    const detail = `broker ${brokerId} leads in term ${term} and committed entry ${commit} of term ${entryTerm}`;
    group.tell("commit by counting", detail);
  }
  const { voters, votersOutgoing } = confState;
  for (const majority of [voters, votersOutgoing]) {
    if (group.isDurable(majority, commit, entryTerm)) continue;
    const detail = `broker ${brokerId} committed entry ${commit} of term ${entryTerm} without a majority of the disks of ${majority.join(", ")}`;
    group.tell("early commit", detail);
  }
}

/** Entries replace those that are there only where they are not the same (Raft §5.3): a late append undoes nothing. */
function expectConflict(
  brokerId: number,
  { log }: ObservedReplica,
  group: RaftHistory,
  { entries }: ObservedStep,
): void {
  const [first] = entries;
  if (first === undefined || log.term(first.index) !== first.term) return;
  const detail = `broker ${brokerId} cuts its log at entry ${first.index} of term ${first.term}, which it has`;
  group.tell("needless cut", detail);
}

/** Entries that the node hands out are not in the log yet; they replace what is there. */
function termIn({ log }: ObservedReplica, { entries }: ObservedStep, index: number): number {
  const [first] = entries;
  if (first !== undefined && index >= first.index) return entries[index - first.index]?.term ?? -1;
  const term = log.term(index);
  return typeof term === "number" ? term : -1;
}
