import type {
  ConfChange,
  ConfChangeStep,
  ConfChangeStepType,
  ConfState,
  Entry,
  HardState,
  Message,
  ProgressStatus,
  Ready,
  Role,
  Snapshot,
} from "raft-ts";
import { APPEND_THREAD, APPLY_THREAD, decodeConfChange } from "raft-ts";

const STEP_TYPES: Record<string, ConfChangeStepType> = {
  v: "addVoter",
  l: "addLearner",
  r: "remove",
  u: "update",
};

const STEP_LETTERS: Record<ConfChangeStepType, string> = {
  addVoter: "v",
  addLearner: "l",
  remove: "r",
  update: "u",
};

/** `v1 l2 r3 u4` as steps. */
export function parseConfChangeSteps(text: string): readonly ConfChangeStep[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => {
      const type = STEP_TYPES[word.charAt(0)];
      if (type === undefined) throw new Error(`unknown step ${word}`);
      return { type, nodeId: Number(word.slice(1)) };
    });
}

/** Steps as `v1 l2 r3 u4`. */
export function describeSteps(change: ConfChange): string {
  return change.changes.map((step) => `${STEP_LETTERS[step.type]}${step.nodeId}`).join(" ");
}

/** A membership in the short form of progress listings. */
export function describeConfig(config: ConfState): string {
  let text = `voters=(${config.voters.join(" ")})`;
  if (config.votersOutgoing.length > 0) text += `&&(${config.votersOutgoing.join(" ")})`;
  if (config.learners.length > 0) text += ` learners=(${config.learners.join(" ")})`;
  if (config.learnersNext.length > 0) text += ` learners_next=(${config.learnersNext.join(" ")})`;
  if (config.autoLeave) text += " autoleave";
  return text;
}

const PROGRESS_STATES = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
} as const;

/** One line of a progress listing without the id. */
export function describeProgressBody(peer: ProgressStatus): string {
  let text = `${PROGRESS_STATES[peer.state]} match=${peer.match} next=${peer.next}`;
  if (peer.isLearner) text += " learner";
  if (peer.paused) text += " paused";
  if (peer.pendingSnapshot > 0) text += ` pendingSnap=${peer.pendingSnapshot}`;
  if (!peer.recentActive) text += " inactive";
  if (peer.inflightCount > 0) text += ` inflight=${peer.inflightCount}`;
  if (peer.inflightFull) text += "[full]";
  return text;
}

/** One line of a progress listing. */
export function describeProgress(peer: ProgressStatus): string {
  return `${peer.id}: ${describeProgressBody(peer)}`;
}

/** A role as upstream names it. */
export function describeRole(role: Role): string {
  const names = {
    follower: "StateFollower",
    preCandidate: "StatePreCandidate",
    candidate: "StateCandidate",
    leader: "StateLeader",
  } as const;
  return names[role];
}

const ENTRY_TYPES = {
  normal: "EntryNormal",
  confChange: "EntryConfChange",
  confChangeV2: "EntryConfChangeV2",
} as const;

/** `term/index type payload`. */
export function describeEntry(entry: Entry): string {
  const payload =
    entry.type === "normal"
      ? JSON.stringify(Buffer.from(entry.data).toString())
      : describeSteps(decodeConfChange(entry));
  const head = `${entry.term}/${entry.index} ${ENTRY_TYPES[entry.type]}`;
  return payload === "" ? head : `${head} ${payload}`;
}

function describeTarget(id: number): string {
  if (id === APPEND_THREAD) return "AppendThread";
  if (id === APPLY_THREAD) return "ApplyThread";
  return id === 0 ? "None" : id.toString(16);
}

/** A message on one line, or on several when it carries more than one entry or anything nested. */
export function describeMessage(message: Message, indent = ""): string {
  let text = `${indent}${describeTarget(message.from)}->${describeTarget(message.to)} `;
  text += `${message.type} Term:${message.term} Log:${message.logTerm}/${message.index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== 0) text += ` Vote:${message.vote}`;
  text += describeEntries(message.entries, indent);
  if (message.snapshot !== undefined) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
  }
  if (message.responses.length > 0) {
    const lines = message.responses.map((response) => describeMessage(response, `${indent}  `));
    text += ` Responses:[\n${lines.join("\n")}\n${indent}]`;
  }
  return text;
}

function describeEntries(entries: readonly Entry[], indent: string): string {
  const first = entries[0];
  if (first === undefined) return "";
  if (entries.length === 1) return ` Entries:[${describeEntry(first)}]`;
  const lines = entries.map((entry) => `${indent}  ${describeEntry(entry)}`);
  return ` Entries:[\n${lines.join("\n")}\n${indent}]`;
}

/** A snapshot without its data. */
function describeSnapshot(snapshot: Snapshot): string {
  return `Index:${snapshot.index} Term:${snapshot.term} ConfState:${describeConfState(snapshot.confState)}`;
}

function describeConfState(conf: ConfState): string {
  return (
    `Voters:[${conf.voters.join(" ")}] VotersOutgoing:[${conf.votersOutgoing.join(" ")}] ` +
    `Learners:[${conf.learners.join(" ")}] LearnersNext:[${conf.learnersNext.join(" ")}] ` +
    `AutoLeave:${conf.autoLeave}`
  );
}

function describeHardState(state: HardState): string {
  const vote = state.vote === 0 ? "" : ` Vote:${state.vote}`;
  return `Term:${state.term}${vote} Commit:${state.commit}`;
}

/** Everything a Ready contains, one thing per line. */
export function describeReady(ready: Ready): string {
  const lines: string[] = [];
  const { softState, hardState, snapshot } = ready;
  if (softState !== undefined) {
    lines.push(`Lead:${softState.leaderId} State:${describeRole(softState.role)}`);
  }
  if (hardState !== undefined) lines.push(`HardState ${describeHardState(hardState)}`);
  if (ready.readStates.length > 0) lines.push(`ReadStates ${JSON.stringify(ready.readStates)}`);
  if (ready.entries.length > 0) lines.push("Entries:", ...ready.entries.map(describeEntry));
  if (snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(snapshot)}`);
  if (ready.committedEntries.length > 0) {
    lines.push("CommittedEntries:", ...ready.committedEntries.map(describeEntry));
  }
  if (ready.messages.length > 0) {
    lines.push("Messages:", ...ready.messages.map((message) => describeMessage(message)));
  }
  if (lines.length === 0) return "<empty Ready>";
  return [`Ready MustSync=${ready.mustSync}:`, ...lines].join("\n");
}
