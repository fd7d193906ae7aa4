import type { ConfChangeStep, ConfState } from "raft-ts";
import type { BrokerImage } from "./broker-life.ts";

/** With more voters every change of the metadata would wait for more disks, and gain little. */
const votersMax = 5;

/** Who is in the controller's group when it is made: the first brokers by id vote, the others follow. */
export function controllerVoters(bootstrapIds: readonly number[]): {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
} {
  const ids = bootstrapIds.toSorted((a, b) => a - b);
  return { voters: ids.slice(0, votersMax), learners: ids.slice(votersMax) };
}

/** A broker that may vote on the metadata. */
export interface VoterCandidate {
  readonly brokerId: number;
  readonly rack: string;
  readonly isVoter: boolean;
  /** It has come: one of those that form a cluster may never do so. */
  readonly isRegistered: boolean;
  readonly isFenced: boolean;
  /** It has been silent for so long that another one takes its place where there is one. */
  readonly isLost: boolean;
  /** It is to leave, and votes until it has nothing to do with any partition any more. */
  readonly isLeaving: boolean;
}

/**
 * Who is to vote on the metadata: an odd number up to five (two where there are no more). Those that came before those that
 * never did, those that were heard before those that were silent for long, those that stay before those that are to leave,
 * different racks before the same one, and voters before others, so that as little changes as possible.
 */
export function chooseControllerVoters(candidates: readonly VoterCandidate[]): number[] {
  const count = voterCount(candidates.length);
  const chosen: VoterCandidate[] = [];
  const left = [...candidates];
  while (chosen.length < count) {
    const used = Map.groupBy(chosen, ({ rack }) => rack);
    const usedCount = ({ rack }: VoterCandidate): number => used.get(rack)?.length ?? 0;
    left.sort(
      (a, b) =>
        Number(b.isRegistered) - Number(a.isRegistered) ||
        Number(a.isLost) - Number(b.isLost) ||
        Number(a.isLeaving) - Number(b.isLeaving) ||
        usedCount(a) - usedCount(b) ||
        Number(b.isVoter) - Number(a.isVoter) ||
        Number(a.isFenced) - Number(b.isFenced) ||
        a.brokerId - b.brokerId,
    );
    const next = left.shift();
    if (next === undefined) break;
    chosen.push(next);
  }
  return chosen.map(({ brokerId }) => brokerId).toSorted((a, b) => a - b);
}

/** What a change of the controller's group is decided by. */
export interface MembershipInput {
  readonly conf: ConfState;
  readonly brokers: ReadonlyMap<number, BrokerImage>;
  /** Brokers that were removed from the cluster. */
  readonly removedIds: ReadonlySet<number>;
  /** Brokers that have been silent for long. */
  readonly lostIds: ReadonlySet<number>;
  /** Members that have not registered for long. */
  readonly strayIds: ReadonlySet<number>;
  /** Whether brokers that were to form the cluster, and have not come, are still waited for. */
  readonly isAwaiting: boolean;
  /** Who decides: it is moved last. */
  readonly leaderId: number;
  /** Whether a member has (almost) all of the log and answers. */
  readonly isCurrent: (brokerId: number) => boolean;
  /** Whether a broker still has to do with a partition, so that it is not removed yet. */
  readonly holdsReplicas: (brokerId: number) => boolean;
}

/** The part of it that says who may vote. */
type CandidatesInput = Pick<
  MembershipInput,
  "brokers" | "conf" | "holdsReplicas" | "isAwaiting" | "lostIds" | "removedIds"
>;

/**
 * The next change of the controller's group, one at a time; `undefined`: it is as it should be, or must wait. No
 * change leaves the group with fewer voters that answer than a majority.
 */
export function nextMembershipChange(input: MembershipInput): ConfChangeStep[] | undefined {
  const { brokers, conf, removedIds, strayIds } = input;
  if (conf.votersOutgoing.length > 0) return undefined; // The leader leaves it by itself.
  const members = new Set([...conf.voters, ...conf.learners]);
  const goneLearner = conf.learners.find(
    (id) => (removedIds.has(id) || strayIds.has(id)) && !brokers.has(id),
  );
  if (goneLearner !== undefined) return [{ type: "remove", nodeId: goneLearner }];
  const comer = [...brokers.keys()].find((id) => !members.has(id));
  if (comer !== undefined) return [{ type: "addLearner", nodeId: comer }];
  const change = votersChange(input);
  return change !== undefined && keepsQuorum(input, change) ? change : undefined;
}

function votersChange(input: MembershipInput): ConfChangeStep[] | undefined {
  const { brokers, conf, isCurrent, leaderId } = input;
  const target = chooseControllerVoters(candidatesOf(input));
  const comes = target.find((id) => !conf.voters.includes(id) && isCurrent(id));
  const leaving = conf.voters.filter((id) => !target.includes(id));
  const goes = leaving.find((id) => id !== leaderId) ?? leaving[0];
  const steps: ConfChangeStep[] = [];
  if (comes !== undefined) steps.push({ type: "addVoter", nodeId: comes });
  // A voter goes when another takes its place, or when there are too many.
  if (goes !== undefined && (comes !== undefined || conf.voters.length > target.length)) {
    steps.push({ type: brokers.has(goes) ? "addLearner" : "remove", nodeId: goes });
  }
  return steps.length === 0 ? undefined : steps;
}

/**
 * Who is to vote on the metadata once a broker is gone for good, and with it all others that are to go: as things are now, and
 * where nobody comes in their place.
 */
export function votersWithout(
  brokerId: number,
  { brokers, conf, removedIds }: Pick<MembershipInput, "brokers" | "conf" | "removedIds">,
): number[] {
  const candidates = candidatesOf({
    brokers: new Map([...brokers].filter(([id]) => id !== brokerId)),
    conf,
    removedIds: new Set([...removedIds, brokerId]),
    lostIds: new Set(),
    isAwaiting: false,
    holdsReplicas: () => false,
  });
  return chooseControllerVoters(candidates);
}

/** With fewer any voter is better than none, one that is to leave, or never came, too: two can spare nobody. */
const votersThatStayMin = 3;

/**
 * Those that are to stay; where they are few, voters that are to leave, until they have nothing to do here any more; and
 * voters that have not come yet: for a while, or where they cannot be done without.
 */
function candidatesOf(input: CandidatesInput): VoterCandidate[] {
  const { brokers, conf, holdsReplicas, isAwaiting, lostIds, removedIds } = input;
  const registered = [...brokers.values()].map(({ brokerId, duty, fenced, rack }) => ({
    brokerId,
    rack,
    isVoter: conf.voters.includes(brokerId),
    isRegistered: true,
    isFenced: fenced,
    isLost: lostIds.has(brokerId),
    isLeaving: duty === "decommissioned",
  }));
  const staying = registered.filter(({ isLeaving }) => !isLeaving);
  const areEnough = staying.length >= votersThatStayMin;
  const leaving = registered.filter(
    ({ brokerId, isLeaving, isVoter }) =>
      isLeaving && isVoter && !areEnough && holdsReplicas(brokerId),
  );
  if (!isAwaiting && areEnough) return staying;
  const awaited = conf.voters
    .filter((id) => !brokers.has(id) && !removedIds.has(id))
    .map((brokerId) => ({
      brokerId,
      rack: "",
      isVoter: true,
      isRegistered: false,
      isFenced: true,
      isLost: false,
      isLeaving: false,
    }));
  return [...staying, ...leaving, ...awaited];
}

function keepsQuorum({ conf, isCurrent }: MembershipInput, steps: ConfChangeStep[]): boolean {
  const after = new Set(conf.voters);
  for (const { nodeId, type } of steps) {
    if (type === "addVoter") after.add(nodeId);
    else after.delete(nodeId);
  }
  const current = [...after].filter((id) => isCurrent(id));
  return current.length > after.size / 2;
}

function voterCount(candidateCount: number): number {
  if (candidateCount <= 2) return candidateCount;
  const bounded = Math.min(candidateCount, votersMax);
  return bounded % 2 === 0 ? bounded - 1 : bounded;
}
