import { EMPTY_CONF_STATE } from "../src/conf-state.ts";
import type { ConfState } from "../src/conf-state.ts";
import { MemoryStorage } from "../src/memory-storage.ts";
import type { GroupHandle } from "../src/multi/group-handle.ts";
import type { GroupKey } from "../src/multi/group-key.ts";

/** A group that a simulation begins with. */
export interface SimulatedGroup {
  readonly key: GroupKey;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
}

/** One member's disk and state machine: they survive the process. */
export class SimulatedReplica {
  readonly group: SimulatedGroup;
  readonly nodeId: number;
  readonly storage: MemoryStorage;
  readonly random: (bound: number) => number;
  appliedIndex = 0;
  handle: GroupHandle<SimulatedReplica> | undefined;
  /** Whether the node was told to give the replica up; what it has on disk stays. */
  isClosed = false;
  seenTerm = 0;
  seenCommitted = 0;
  seenLeaderTerm = 0;

  constructor(group: SimulatedGroup, nodeId: number, random: (bound: number) => number) {
    const { voters, learners } = group;
    const conf: ConfState = { ...EMPTY_CONF_STATE, voters, learners };
    this.group = group;
    this.nodeId = nodeId;
    this.storage = new MemoryStorage(conf);
    this.random = random;
  }
}
