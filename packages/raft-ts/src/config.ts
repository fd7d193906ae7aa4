import { assert } from "./assert.ts";
import type { RaftEventListener } from "./event.ts";
import type { Storage } from "./storage.ts";

/**
 * How a read learns that it is not stale. `safe` confirms leadership with a round of heartbeats;
 * `leaseBased` trusts the clock, so that a paused process can serve a stale read.
 */
export type ReadOnlyOption = "safe" | "leaseBased";

/** How to build a node. All members of a group should use the same values. */
export interface Config {
  /** This node: a safe integer of at least 1 that no other member ever had. */
  readonly id: number;
  readonly storage: Storage;
  /** A uniform integer in [0, bound); spreads election timeouts. */
  readonly random: (bound: number) => number;
  /** Ticks without a leader before a node campaigns; the actual number lies in [n, 2n). Default 10. */
  readonly electionTick?: number;
  /** Ticks between heartbeats, below `electionTick`. Default 1. */
  readonly heartbeatTick?: number;
  /** Index up to which the owner has applied entries before this start. Default: up to the snapshot. */
  readonly applied?: number;
  /** Whether storage work is handed out as messages, so that it overlaps with everything else. */
  readonly asyncStorageWrites?: boolean;
  /** Bytes of entries in one append; one entry always fits. Default 1 MiB. */
  readonly maxSizePerMsg?: number;
  /** Bytes of committed entries handed out and not yet applied; one always fits. Default maxSizePerMsg. */
  readonly maxCommittedSizePerReady?: number;
  /** Bytes of proposals a leader holds uncommitted before it refuses more; one always fits. Default 64 MiB. */
  readonly maxUncommittedEntriesSize?: number;
  /** Appends on their way to one peer. Default 256. */
  readonly maxInflightMsgs?: number;
  /**
   * Bytes of appends on their way to one peer; at least `maxSizePerMsg`. Bandwidth times round trip is
   * the least that keeps a link busy: 1 GB/s at 10 ms needs 10 MB. Default 64 MiB.
   */
  readonly maxInflightBytes?: number;
  /** Reads a leader holds back at one time before it drops more. Default 65,536. */
  readonly maxPendingReads?: number;
  /** Whether a leader that hears from no majority steps down, and live leaders are protected. Default true. */
  readonly checkQuorum?: boolean;
  /** Whether a node asks if it could win before it raises its term. Default true. */
  readonly preVote?: boolean;
  /** Default `safe`; `leaseBased` requires `checkQuorum`. */
  readonly readOnlyOption?: ReadOnlyOption;
  /** Whether a follower refuses proposals instead of sending them to the leader. Default false. */
  readonly disableProposalForwarding?: boolean;
  /** Whether a leader puts any membership change into the log, fitting or not. Default false. */
  readonly disableConfChangeValidation?: boolean;
  /** Whether a leader that applies its own removal or demotion steps down. Default true. */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Whether the node takes no part in elections until `RawNode.endAbstention()`: it neither campaigns nor grants
   * votes. For a member that left the group, lost its log and was added again: until its log holds the entry that
   * added it anew, it must not vote for a candidate that still counts on what it was before. Default false.
   */
  readonly abstains?: boolean;
  /**
   * The node may have held entries up to this index and lost them: it came back empty under the name of a member. Until its
   * log holds that entry again, a heartbeat that commits more than the log holds was meant for what was lost, and is a
   * sign of life alone; behind it, as in any other node, it is a contradiction. Default 0.
   */
  readonly lostThroughIndex?: number;
  /**
   * Asked by a leader before it sends so many bytes of entries to a learner; `false` holds them back until
   * `RawNode.learnersAdmitted()` or the learner's next answer to a heartbeat. Default: always.
   */
  readonly admitToLearner?: (bytes: number) => boolean;
  /** Receives what happens inside the node. */
  readonly onEvent?: RaftEventListener;
}

/** A {@link Config} with every default filled in. */
export type ResolvedConfig = Required<Omit<Config, "onEvent" | "applied" | "admitToLearner">> & {
  readonly admitToLearner: ((bytes: number) => boolean) | undefined;
  readonly applied: number | undefined;
  readonly onEvent: RaftEventListener | undefined;
};

const MEBIBYTE = 1024 * 1024;

/** Fills in defaults. Throws on values that cannot work. */
export function resolveConfig(config: Config): ResolvedConfig {
  const maxSizePerMsg = config.maxSizePerMsg ?? MEBIBYTE;
  const resolved: ResolvedConfig = {
    id: config.id,
    storage: config.storage,
    random: config.random,
    electionTick: config.electionTick ?? 10,
    heartbeatTick: config.heartbeatTick ?? 1,
    applied: config.applied,
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    maxSizePerMsg,
    maxCommittedSizePerReady: config.maxCommittedSizePerReady ?? maxSizePerMsg,
    maxUncommittedEntriesSize: config.maxUncommittedEntriesSize ?? 64 * MEBIBYTE,
    maxInflightMsgs: config.maxInflightMsgs ?? 256,
    maxInflightBytes: config.maxInflightBytes ?? Math.max(64 * MEBIBYTE, maxSizePerMsg),
    maxPendingReads: config.maxPendingReads ?? 65_536,
    checkQuorum: config.checkQuorum ?? true,
    preVote: config.preVote ?? true,
    readOnlyOption: config.readOnlyOption ?? "safe",
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? true,
    abstains: config.abstains ?? false,
    lostThroughIndex: config.lostThroughIndex ?? 0,
    admitToLearner: config.admitToLearner,
    onEvent: config.onEvent,
  };
  validate(resolved);
  return resolved;
}

function validate(config: ResolvedConfig): void {
  assert(Number.isSafeInteger(config.id) && config.id >= 1, "config.id is a safe integer ≥ 1");
  assert(config.heartbeatTick >= 1, "config.heartbeatTick is at least 1");
  assert(config.electionTick > config.heartbeatTick, "config.electionTick exceeds heartbeatTick");
  assert(config.maxSizePerMsg >= 0, "config.maxSizePerMsg is not negative");
  assert(config.maxCommittedSizePerReady > 0, "config.maxCommittedSizePerReady is positive");
  assert(config.maxUncommittedEntriesSize > 0, "config.maxUncommittedEntriesSize is positive");
  assert(config.maxInflightMsgs >= 1, "config.maxInflightMsgs is at least 1");
  assert(config.maxPendingReads >= 1, "config.maxPendingReads is at least 1");
  assert(
    config.maxInflightBytes >= config.maxSizePerMsg,
    "config.maxInflightBytes holds at least one message of config.maxSizePerMsg",
  );
  assert(
    config.readOnlyOption === "safe" || config.checkQuorum,
    "config.readOnlyOption leaseBased requires checkQuorum",
  );
}
