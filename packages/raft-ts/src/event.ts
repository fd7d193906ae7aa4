import type { ConfChange } from "./conf-change.ts";
import type { ConfState } from "./conf-state.ts";
import type { ConfChangeFault } from "./confchange/changer.ts";
import type { EntryId } from "./entry.ts";
import type { MessageType } from "./message.ts";
import type { ProgressStatus } from "./status.ts";

/** Why a proposal did not enter the log. None of these leaves a trace: it certainly did not happen. */
export type ProposalRefusal =
  | "noLeader"
  | "forwardingDisabled"
  | "leaderNotMember"
  | "transferInProgress"
  | "uncommittedBytesExceeded";

/** Why the leader put an empty entry into the log instead of a membership change. */
export type ConfChangeRefusal = "changePending" | "mustLeaveJointFirst" | "notJoint";

/** Why a node does not campaign although it was told to. */
export type CampaignRefusal = "alreadyLeader" | "notPromotable" | "confChangeNotApplied";

/**
 * What happened inside a node, for logs, metrics and tests. Nothing depends on it: events are only made
 * when somebody listens, and they are handed over while the node is in the middle of a step, so a
 * listener must not call back into it.
 */
export type RaftEvent =
  | {
      readonly kind: "started";
      readonly term: number;
      readonly commit: number;
      readonly applied: number;
      readonly last: EntryId;
      readonly voters: readonly number[];
    }
  | { readonly kind: "becameFollower"; readonly term: number; readonly leader: number }
  | { readonly kind: "becamePreCandidate"; readonly term: number }
  | { readonly kind: "becameCandidate"; readonly term: number }
  | { readonly kind: "becameLeader"; readonly term: number }
  | { readonly kind: "campaignStarted"; readonly term: number }
  | { readonly kind: "campaignRefused"; readonly term: number; readonly reason: CampaignRefusal }
  | {
      readonly kind: "voteRequested";
      readonly type: MessageType;
      readonly to: number;
      readonly term: number;
      readonly last: EntryId;
    }
  | {
      readonly kind: "voteAnswered";
      readonly type: MessageType;
      readonly from: number;
      readonly granted: boolean;
      readonly term: number;
      readonly vote: number;
      readonly last: EntryId;
      readonly candidateLast: EntryId;
    }
  | {
      readonly kind: "voteIgnored";
      readonly type: MessageType;
      readonly from: number;
      readonly term: number;
      readonly vote: number;
      readonly last: EntryId;
      readonly candidateLast: EntryId;
      readonly leaseTicks: number;
    }
  | {
      readonly kind: "voteReceived";
      readonly type: MessageType;
      readonly from: number;
      readonly granted: boolean;
      readonly term: number;
    }
  | {
      readonly kind: "votesCounted";
      readonly type: MessageType;
      readonly granted: number;
      readonly rejected: number;
    }
  | {
      readonly kind: "higherTermReceived";
      readonly type: MessageType;
      readonly from: number;
      readonly term: number;
      readonly messageTerm: number;
    }
  | {
      readonly kind: "lowerTermIgnored";
      readonly type: MessageType;
      readonly from: number;
      readonly term: number;
      readonly messageTerm: number;
    }
  | { readonly kind: "storageAppendIgnored"; readonly term: number; readonly messageTerm: number }
  | { readonly kind: "quorumLost"; readonly term: number }
  | { readonly kind: "leaderForgotten"; readonly leader: number; readonly term: number }
  | { readonly kind: "forgetLeaderRefused" }
  | { readonly kind: "membershipChanged"; readonly config: ConfState }
  | { readonly kind: "membershipChangeInapplicable"; readonly fault: ConfChangeFault }
  | {
      readonly kind: "confChangeRefused";
      readonly change: ConfChange;
      readonly config: ConfState;
      readonly reason: ConfChangeRefusal;
    }
  | { readonly kind: "autoLeaveStarted"; readonly config: ConfState }
  | { readonly kind: "autoLeaveRefused"; readonly reason: ProposalRefusal }
  | { readonly kind: "proposalDropped"; readonly term: number; readonly reason: ProposalRefusal }
  | {
      readonly kind: "appendRejected";
      readonly from: number;
      readonly previous: EntryId;
      readonly ownTerm: number;
    }
  | {
      readonly kind: "appendRejectionReceived";
      readonly from: number;
      readonly index: number;
      readonly hint: EntryId;
    }
  | { readonly kind: "progressDecreased"; readonly peer: ProgressStatus }
  | {
      readonly kind: "snapshotSent";
      readonly snapshot: EntryId;
      readonly firstIndex: number;
      readonly commit: number;
      readonly peer: ProgressStatus;
    }
  | { readonly kind: "replicationPaused"; readonly peer: ProgressStatus }
  | { readonly kind: "replicationResumed"; readonly peer: ProgressStatus }
  | { readonly kind: "snapshotReported"; readonly failed: boolean; readonly peer: ProgressStatus }
  | { readonly kind: "snapshotUnavailable"; readonly to: number }
  | { readonly kind: "peerUnreachable"; readonly peer: ProgressStatus }
  | {
      readonly kind: "conflictFound";
      readonly index: number;
      readonly existingTerm: number;
      readonly term: number;
    }
  | { readonly kind: "unstableReplaced"; readonly index: number }
  | { readonly kind: "unstableTruncated"; readonly index: number }
  | { readonly kind: "unstableEntryMissing"; readonly index: number }
  | { readonly kind: "unstableEntryInSnapshot"; readonly index: number }
  | { readonly kind: "unstableEntryMismatch"; readonly stable: EntryId; readonly found: EntryId }
  | {
      readonly kind: "snapshotRestoreStarted";
      readonly snapshot: EntryId;
      readonly committed: number;
      readonly applied: number;
      readonly applying: number;
      readonly unstableOffset: number;
      readonly unstableOffsetInProgress: number;
      readonly unstableCount: number;
    }
  | {
      readonly kind: "snapshotRestored";
      readonly commit: number;
      readonly last: EntryId;
      readonly snapshot: EntryId;
    }
  | {
      readonly kind: "snapshotAccepted";
      readonly commit: number;
      readonly snapshot: EntryId;
    }
  | {
      readonly kind: "snapshotIgnored";
      readonly commit: number;
      readonly snapshot: EntryId;
      readonly reason: "committed already" | "log matches" | "not a member";
    }
  | {
      readonly kind: "transferStarted" | "transferAborted" | "timeoutNowSent";
      readonly to: number;
      readonly term: number;
    }
  | { readonly kind: "transferIgnored"; readonly to: number }
  | { readonly kind: "readDropped"; readonly context: number };

/** Receives {@link RaftEvent}s. */
export type RaftEventListener = (event: RaftEvent) => void;
