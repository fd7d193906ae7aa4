import { assert } from "../assert.ts";
import type { RaftInvariantError } from "../assert.ts";
import type { Config } from "../config.ts";
import type { GroupKey } from "./group-key.ts";

/** How one node drives its groups. All nodes should use the same values, except for the first three. */
export interface MultiRaftOptions {
  /** This node, in every group: a safe integer of at least 1. */
  readonly nodeId: number;
  /**
   * Names this process among all that ever ran as this node: at least 1, and higher after every
   * restart. A counter beside the node's data serves; a wall clock in milliseconds nearly does.
   */
  readonly epoch: number;
  /** A uniform integer in [0, bound); spreads elections. */
  readonly random: (bound: number) => number;
  /** Ticks without a leader before a node campaigns; the actual number lies in [n, 2n). Default 10. */
  readonly electionTicks?: number;
  /** Ticks between heartbeats, below `electionTicks`. Default 1. */
  readonly heartbeatTicks?: number;
  /** Ticks without activity before a leader sends its group to sleep; 0 = never. Default 3 × electionTicks. */
  readonly hibernateAfterTicks?: number;
  /** Ticks of silence after which a peer counts as dead. Default electionTicks. */
  readonly peerTimeoutTicks?: number;
  /**
   * Elections that may begin on this node in one tick. Default 128; while everybody is alive an eighth as many may begin
   * beside them in groups that merely hear no leader: they hardly ever need another.
   */
  readonly electionsPerTickMax?: number;
  /** Groups that one pass visits; the others wait for the next. Default 256. */
  readonly visitsPerPassMax?: number;
  /**
   * When a leader's process died its groups campaign spread over so many ticks at the most, and who comes next in each
   * waits so much longer. Default electionTicks ÷ 2.
   */
  readonly electionJitterTicks?: number;
  /** Whether heartbeats travel in batches. Without, no group hibernates. Default true. */
  readonly coalesceHeartbeats?: boolean;
  /** Called when there is something to do for `pass()`, once until that pass. */
  readonly onWork?: () => void;
  /**
   * A group's node found its log, or what others say, in contradiction, and must not go on: the owner
   * removes it, perhaps at once. Without a listener the error goes to whoever called.
   */
  readonly onBroken?: (key: GroupKey, error: RaftInvariantError) => void;
  /** Receives what this node finds out about its peers. */
  readonly onPeerEvent?: (event: PeerEvent) => void;
}

/**
 * What this node found out about a peer: it fell silent; it is heard again; its process is another one.
 * The listener must not call back.
 */
export interface PeerEvent {
  readonly kind: "died" | "returned" | "restarted";
  readonly peerId: number;
}

/** What a group may set for itself; the rest is decided for all of them. Writes are always asynchronous. */
export type GroupConfig = Omit<
  Config,
  | "id"
  | "random"
  | "electionTick"
  | "heartbeatTick"
  | "asyncStorageWrites"
  | "checkQuorum"
  | "preVote"
  | "readOnlyOption"
> & {
  /** Default: that of the options. */
  readonly random?: (bound: number) => number;
  /**
   * Which replica of the group a node has, as far as this node knows, and certainly its own; see `GroupRoute`. Who
   * learns that a member's is another one tells a leader so: `forgetProgress`. Default: all have the first, 0.
   */
  readonly replicaOf?: (nodeId: number) => number;
};

/** {@link MultiRaftOptions} with every default filled in. */
export type ResolvedOptions = Required<
  Omit<MultiRaftOptions, "onWork" | "onBroken" | "onPeerEvent">
> & {
  readonly onBroken: ((key: GroupKey, error: RaftInvariantError) => void) | undefined;
  readonly onWork: (() => void) | undefined;
  readonly onPeerEvent: ((event: PeerEvent) => void) | undefined;
};

/** Fills in defaults. Throws on values that cannot work. */
export function resolveOptions(options: MultiRaftOptions): ResolvedOptions {
  const electionTicks = options.electionTicks ?? 10;
  const heartbeatTicks = options.heartbeatTicks ?? 1;
  const resolved: ResolvedOptions = {
    nodeId: options.nodeId,
    epoch: options.epoch,
    random: options.random,
    electionTicks,
    heartbeatTicks,
    hibernateAfterTicks: options.hibernateAfterTicks ?? 3 * electionTicks,
    peerTimeoutTicks: options.peerTimeoutTicks ?? Math.max(electionTicks, 2 * heartbeatTicks + 1),
    electionsPerTickMax: options.electionsPerTickMax ?? 128,
    visitsPerPassMax: options.visitsPerPassMax ?? 256,
    electionJitterTicks: options.electionJitterTicks ?? Math.max(1, Math.ceil(electionTicks / 2)),
    coalesceHeartbeats: options.coalesceHeartbeats ?? true,
    onWork: options.onWork,
    onBroken: options.onBroken,
    onPeerEvent: options.onPeerEvent,
  };
  validate(resolved);
  return resolved;
}

function validate(options: ResolvedOptions): void {
  const { heartbeatTicks, hibernateAfterTicks, peerTimeoutTicks } = options;
  assert(Number.isSafeInteger(options.epoch) && options.epoch >= 1, "epoch is a safe integer ≥ 1");
  assert(
    hibernateAfterTicks === 0 || hibernateAfterTicks > heartbeatTicks,
    "hibernateAfterTicks spans a heartbeat, or reads in progress would not be seen",
  );
  assert(peerTimeoutTicks > 2 * heartbeatTicks, "peerTimeoutTicks spans two lost batches");
  assert(options.electionsPerTickMax >= 1, "at least one election may begin per tick");
  assert(options.visitsPerPassMax >= 1, "a pass visits at least one group");
  assert(options.electionJitterTicks >= 1, "electionJitterTicks is at least 1");
}

/** The configuration of one group's node. */
export function nodeConfig(options: ResolvedOptions, config: GroupConfig): Config {
  const { replicaOf: _replicaOf, ...rest } = config;
  return {
    ...rest,
    id: options.nodeId,
    random: config.random ?? options.random,
    electionTick: options.electionTicks,
    heartbeatTick: options.heartbeatTicks,
    asyncStorageWrites: true,
    // A sleeping leader's clock stands still, so it must never vouch for a read by itself; and a node
    // that comes back must not depose leaders whose followers sleep.
    readOnlyOption: "safe",
    checkQuorum: true,
    preVote: true,
  };
}
