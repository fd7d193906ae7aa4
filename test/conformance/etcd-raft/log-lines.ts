import type { ConfChangeRefusal, EntryId, RaftEvent } from "raft-ts";
import { describeConfig, describeProgressBody } from "./describe.ts";

/** Upstream's levels in order; lines below the current one are not printed. */
export const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;

export type Level = (typeof LEVELS)[number];

/** A log line as upstream words it. */
export interface LogLine {
  readonly level: Level;
  readonly text: string;
}

function info(text: string): LogLine {
  return { level: "INFO", text };
}

function debug(text: string): LogLine {
  return { level: "DEBUG", text };
}

function at(last: EntryId): string {
  return `logterm: ${last.term}, index: ${last.index}`;
}

const CONF_CHANGE_REFUSALS: Record<ConfChangeRefusal, string> = {
  changePending: "possible unapplied conf change",
  mustLeaveJointFirst: "must transition out of joint config first",
  notJoint: "not in joint state; refusing empty conf change",
};

const STEP_NAMES = {
  addVoter: "ConfChangeAddNode",
  addLearner: "ConfChangeAddLearnerNode",
  remove: "ConfChangeRemoveNode",
  update: "ConfChangeUpdateNode",
} as const;

const TRANSITION_NAMES = {
  auto: "ConfChangeTransitionAuto",
  jointImplicit: "ConfChangeTransitionJointImplicit",
  jointExplicit: "ConfChangeTransitionJointExplicit",
} as const;

/** The line upstream logs where node `id` reports `event`; undefined where it logs none. */
export function logLine(id: number, event: RaftEvent): LogLine | undefined {
  return roleLine(id, event) ?? voteLine(id, event) ?? logLineOfLog(id, event);
}

function roleLine(id: number, event: RaftEvent): LogLine | undefined {
  switch (event.kind) {
    case "started": {
      const { term, commit, applied, last } = event;
      const numbers = `term: ${term}, commit: ${commit}, applied: ${applied}`;
      const end = `lastindex: ${last.index}, lastterm: ${last.term}`;
      return info(`newRaft ${id} [peers: [${event.voters.join(",")}], ${numbers}, ${end}]`);
    }
    case "becameFollower":
      return info(`${id} became follower at term ${event.term}`);
    case "becamePreCandidate":
      return info(`${id} became pre-candidate at term ${event.term}`);
    case "becameCandidate":
      return info(`${id} became candidate at term ${event.term}`);
    case "becameLeader":
      return info(`${id} became leader at term ${event.term}`);
    case "campaignStarted":
      return info(`${id} is starting a new election at term ${event.term}`);
    case "campaignRefused":
      if (event.reason !== "notPromotable") return undefined;
      return { level: "WARN", text: `${id} is unpromotable and can not campaign` };
    case "quorumLost":
      return { level: "WARN", text: `${id} stepped down to follower since quorum is not active` };
    case "leaderForgotten":
      return info(`${id} forgetting leader ${event.leader} at term ${event.term}`);
    case "forgetLeaderRefused":
      return { level: "ERROR", text: "ignoring MsgForgetLeader due to ReadOnlyLeaseBased" };
    case "membershipChanged":
      return info(`${id} switched to configuration ${describeConfig(event.config)}`);
    case "autoLeaveStarted": {
      const config = describeConfig(event.config);
      return info(`initiating automatic transition out of joint configuration ${config}`);
    }
    case "confChangeRefused": {
      const steps = event.change.changes.map(
        (step) => ` changes:{type:${STEP_NAMES[step.type]} node_id:${step.nodeId}}`,
      );
      const change = `transition:${TRANSITION_NAMES[event.change.transition]}${steps.join("")}`;
      const config = describeConfig(event.config);
      const reason = CONF_CHANGE_REFUSALS[event.reason];
      return info(`${id} ignoring conf change ${change} at config ${config}: ${reason}`);
    }
    default:
      return undefined;
  }
}

function voteLine(id: number, event: RaftEvent): LogLine | undefined {
  switch (event.kind) {
    case "voteRequested": {
      const request = `sent ${event.type} request to ${event.to} at term ${event.term}`;
      return info(`${id} [${at(event.last)}] ${request}`);
    }
    case "voteAnswered": {
      const own = `${id} [${at(event.last)}, vote: ${event.vote}]`;
      const verb = event.granted ? `cast ${event.type} for` : `rejected ${event.type} from`;
      return info(
        `${own} ${verb} ${event.from} [${at(event.candidateLast)}] at term ${event.term}`,
      );
    }
    case "voteIgnored": {
      const own = `${id} [${at(event.last)}, vote: ${event.vote}]`;
      const what = `ignored ${event.type} from ${event.from} [${at(event.candidateLast)}]`;
      const why = `lease is not expired (remaining ticks: ${event.leaseTicks})`;
      return info(`${own} ${what} at term ${event.term}: ${why}`);
    }
    case "voteReceived": {
      const what = event.granted ? event.type : `${event.type} rejection`;
      return info(`${id} received ${what} from ${event.from} at term ${event.term}`);
    }
    case "votesCounted": {
      const granted = `${event.granted} ${event.type} votes`;
      return info(`${id} has received ${granted} and ${event.rejected} vote rejections`);
    }
    case "higherTermReceived": {
      const what = `a ${event.type} message with higher term`;
      const from = `from ${event.from} [term: ${event.messageTerm}]`;
      return info(`${id} [term: ${event.term}] received ${what} ${from}`);
    }
    case "lowerTermIgnored": {
      const what = `a ${event.type} message with lower term`;
      const from = `from ${event.from} [term: ${event.messageTerm}]`;
      return info(`${id} [term: ${event.term}] ignored ${what} ${from}`);
    }
    case "storageAppendIgnored": {
      const what = "entry appends from a MsgStorageAppendResp message with lower term";
      return info(`${id} [term: ${event.term}] ignored ${what} [term: ${event.messageTerm}]`);
    }
    default:
      return undefined;
  }
}

function logLineOfLog(id: number, event: RaftEvent): LogLine | undefined {
  switch (event.kind) {
    case "appendRejected": {
      const own = `${id} [logterm: ${event.ownTerm}, index: ${event.previous.index}]`;
      return debug(`${own} rejected MsgApp [${at(event.previous)}] from ${event.from}`);
    }
    case "appendRejectionReceived": {
      const hint = `(rejected, hint: (index ${event.hint.index}, term ${event.hint.term}))`;
      return debug(`${id} received MsgAppResp${hint} from ${event.from} for index ${event.index}`);
    }
    case "progressDecreased": {
      const peer = `${event.peer.id} to [${describeProgressBody(event.peer)}]`;
      return debug(`${id} decreased progress of ${peer}`);
    }
    case "snapshotSent": {
      const own = `${id} [firstindex: ${event.firstIndex}, commit: ${event.commit}]`;
      const what = `sent snapshot[index: ${event.snapshot.index}, term: ${event.snapshot.term}]`;
      return debug(`${own} ${what} to ${event.peer.id} [${describeProgressBody(event.peer)}]`);
    }
    case "replicationPaused": {
      const peer = `${event.peer.id} [${describeProgressBody(event.peer)}]`;
      return debug(`${id} paused sending replication messages to ${peer}`);
    }
    case "replicationResumed": {
      const peer = `${event.peer.id} [${describeProgressBody(event.peer)}]`;
      const what = "recovered from needing snapshot, resumed sending replication messages to";
      return debug(`${id} ${what} ${peer}`);
    }
    case "peerUnreachable": {
      const peer = `${event.peer.id} because it is unreachable [${describeProgressBody(event.peer)}]`;
      return debug(`${id} failed to send message to ${peer}`);
    }
    default:
      return unstableLine(id, event);
  }
}

function unstableLine(id: number, event: RaftEvent): LogLine | undefined {
  switch (event.kind) {
    case "conflictFound": {
      const terms = `[existing term: ${event.existingTerm}, conflicting term: ${event.term}]`;
      return info(`found conflict at index ${event.index} ${terms}`);
    }
    case "unstableReplaced":
      return info(`replace the unstable entries from index ${event.index}`);
    case "unstableTruncated":
      return info(`truncate the unstable entries before index ${event.index}`);
    case "unstableEntryMissing":
      return info(`entry at index ${event.index} missing from unstable log; ignoring`);
    case "unstableEntryInSnapshot":
      return info(`entry at index ${event.index} matched unstable snapshot; ignoring`);
    case "unstableEntryMismatch": {
      const stable = `(${event.stable.index},${event.stable.term})`;
      const found = `(${event.found.index},${event.found.term})`;
      const what = `entry at (index,term)=${stable} mismatched with entry at ${found}`;
      return info(`${what} in unstable log; ignoring`);
    }
    case "snapshotRestoreStarted": {
      const applied = `committed=${event.committed}, applied=${event.applied}, applying=${event.applying}`;
      const offsets = `unstable.offset=${event.unstableOffset}, unstable.offsetInProgress=${event.unstableOffsetInProgress}`;
      const log = `log [${applied}, ${offsets}, len(unstable.Entries)=${event.unstableCount}]`;
      const { index, term } = event.snapshot;
      return info(`${log} starts to restore snapshot [index: ${index}, term: ${term}]`);
    }
    case "snapshotRestored": {
      const own = `commit: ${event.commit}, lastindex: ${event.last.index}, lastterm: ${event.last.term}`;
      const { index, term } = event.snapshot;
      return info(`${id} [${own}] restored snapshot [index: ${index}, term: ${term}]`);
    }
    case "snapshotAccepted": {
      const { index, term } = event.snapshot;
      return info(
        `${id} [commit: ${event.commit}] restored snapshot [index: ${index}, term: ${term}]`,
      );
    }
    default:
      return undefined;
  }
}
