import type {
  ConfState,
  Entry,
  Message,
  MessageType,
  ProgressStatus,
  RawNode,
  Ready,
  Snapshot,
} from "raft-ts";
import { APPEND_THREAD, APPLY_THREAD, CONTEXT_TRANSFER, decodeConfChange } from "raft-ts";
import { describeSteps } from "../etcd-raft/describe.ts";

/*
 * The form in which the two sides are compared; reference/canonical.go is its counterpart.
 */

/** A node's state: who it is, where it stands, its membership, and what a leader knows of its peers. */
export function describeStatus(node: RawNode): string {
  const status = node.status();
  const { id, role, term, vote, leaderId, committed, applied, transferTarget, config } = status;
  const state =
    `${id} ${role} t${term} v${vote} l${leaderId} c${committed} a${applied} x${transferTarget} ` +
    `r${bit(node.hasReady())} ${describeMembers(config)}`;
  return [state, ...status.progress.map(describeProgress)].join(" ");
}

function describeProgress(peer: ProgressStatus): string {
  const { id, state, match, next, pendingSnapshot, inflightCount } = peer;
  const { isLearner, recentActive, paused, inflightFull } = peer;
  return (
    `${id}:${state},${match},${next},${bit(isLearner)},${bit(recentActive)},${bit(paused)},` +
    `${pendingSnapshot},${inflightCount},${bit(inflightFull)}`
  );
}

function bit(value: boolean): number {
  return value ? 1 : 0;
}

/** Everything a Ready contains. `describe` puts its messages into words. */
export function describeReady(ready: Ready, describe: (message: Message) => string): string {
  const { softState, hardState, snapshot } = ready;
  let text = `sync${bit(ready.mustSync)}`;
  if (softState !== undefined) text += ` soft=${softState.leaderId}/${softState.role}`;
  if (hardState !== undefined) {
    text += ` hard=${hardState.term}/${hardState.vote}/${hardState.commit}`;
  }
  for (const read of ready.readStates) text += ` read=${read.context}@${read.index}`;
  text += describeEntries(" entries", ready.entries);
  if (snapshot !== undefined) text += ` snapshot=${describeSnapshot(snapshot)}`;
  text += describeEntries(" committed", ready.committedEntries);
  for (const message of ready.messages) text += ` {${describe(message)}}`;
  return text;
}

/** One message and what is to be answered when its work is done. */
export function describeMessage(message: Message): string {
  const { type, term, logTerm, index, commit, vote, snapshot } = message;
  let text = `${type} ${describeTarget(message.from)}>${describeTarget(message.to)} `;
  text += `t${term} l${logTerm}/${index} c${commit}`;
  if (vote !== 0) text += ` v${vote}`;
  if (message.reject) text += ` reject${message.rejectHint}`;
  text += describeContext(type, message.context);
  text += describeEntries(" entries", message.entries);
  if (snapshot !== undefined) text += ` snapshot=${describeSnapshot(snapshot)}`;
  for (const response of message.responses) text += ` <${describeMessage(response)}>`;
  return text;
}

function describeContext(type: MessageType, context: number): string {
  if (context === 0) return "";
  const isVote = type === "MsgVote" || type === "MsgPreVote";
  return ` context=${isVote && context === CONTEXT_TRANSFER ? "transfer" : context}`;
}

function describeTarget(id: number): string {
  if (id === APPEND_THREAD) return "append";
  return id === APPLY_THREAD ? "apply" : String(id);
}

function describeEntries(name: string, entries: readonly Entry[]): string {
  return entries.length === 0 ? "" : `${name}=${entries.map(describeEntry).join(";")}`;
}

function describeEntry(entry: Entry): string {
  const id = `${entry.index}.${entry.term}`;
  if (entry.type !== "normal") {
    const change = decodeConfChange(entry);
    const version = entry.type === "confChange" ? "v1" : "v2";
    return `${id} ${version} ${change.transition}(${describeSteps(change)})`;
  }
  if (entry.data.byteLength === 0) return id;
  const label = Buffer.from(entry.data).toString("latin1").replace(/\.+$/, "");
  return `${id} ${label}(${entry.data.byteLength})`;
}

function describeSnapshot(snapshot: Snapshot): string {
  const data = Buffer.from(snapshot.data).toString("latin1");
  return `${snapshot.index}.${snapshot.term}(${data})${describeConfState(snapshot.confState)}`;
}

/** A membership as it is stored. */
export function describeConfState(conf: ConfState): string {
  return conf.autoLeave ? `${describeMembers(conf)}auto` : describeMembers(conf);
}

/** Who belongs to a group. A status of etcd/raft does not tell whether a joint membership is left by itself. */
function describeMembers(conf: ConfState): string {
  const { voters, votersOutgoing, learners, learnersNext } = conf;
  return `[${voters.join()}&${votersOutgoing.join()}|${learners.join()}>${learnersNext.join()}]`;
}
