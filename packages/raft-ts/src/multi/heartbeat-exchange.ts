import { createMessage } from "../message.ts";
import type { Message, MessageDraft } from "../message.ts";
import type { Group } from "./group.ts";
import type { GroupKey } from "./group-key.ts";
import { followerMaySleep, leaderMaySleep, otherMembers } from "./hibernation.ts";
import type { OutgoingBatch } from "./outgoing-batch.ts";
import type { FullHeartbeat, FullHeartbeatResponse, PeerBatch } from "./peer-batch.ts";

/** What the exchange needs of the groups around it. */
export interface HeartbeatHost<Owner> {
  find(key: GroupKey): Group<Owner> | undefined;
  outgoing(peerId: number): OutgoingBatch;
  wake(group: Group<Owner>, cause: number): void;
  sleep(group: Group<Owner>): void;
  /** Whether a peer's process is known to have ended. */
  isGone(peerId: number): boolean;
  /** Whether groups hibernate on this node. */
  readonly hibernates: boolean;
  /** Does something with a group, which may turn out to be broken. */
  guard(group: Group<Owner>, act: () => void): void;
}

/**
 * Takes heartbeats and their responses out of the messages of groups and into batches, and makes the
 * same messages of them at the other end: a group's node never notices. The offer to sleep and its
 * acceptance travel with them.
 */
export class HeartbeatExchange<Owner> {
  readonly #nodeId: number;
  readonly #host: HeartbeatHost<Owner>;

  constructor(nodeId: number, host: HeartbeatHost<Owner>) {
    this.#nodeId = nodeId;
    this.#host = host;
  }

  /** Puts `message` into the batch for its target if it is of the kind that travels there. */
  absorb(group: Group<Owner>, message: Message): boolean {
    if (message.type === "MsgHeartbeat") this.#absorbHeartbeat(group, message);
    else if (message.type === "MsgHeartbeatResp") this.#absorbResponse(group, message);
    else return false;
    return true;
  }

  #absorbHeartbeat(group: Group<Owner>, message: Message): void {
    const { to, term, commit, context } = message;
    // A read that waits for confirmation keeps its group awake.
    if (context !== 0) stayAwake(group);
    // Nobody is there who could take it; the first batch of a new process brings the group back to its leader's mind.
    if (this.#host.isGone(to)) return;
    const outgoing = this.#host.outgoing(to);
    const sleep = group.wakefulness === "drowsy";
    const isLight = group.record(to).sending(term, commit, context);
    if (isLight && !sleep) outgoing.addLightHeartbeat(group.key);
    else outgoing.addHeartbeat({ group: group.routeTo(to), term, commit, context, sleep });
  }

  #absorbResponse(group: Group<Owner>, message: Message): void {
    const { to, term, context } = message;
    const outgoing = this.#host.outgoing(to);
    const isHeard = group.heardFrom === to && group.heardTerm === term;
    if (isHeard && group.heardLight && context === 0) {
      outgoing.addLightResponse(group.key);
      return;
    }
    const commit = isHeard ? group.heardCommit : 0;
    const asleep = isHeard && group.isSleepOffered && followerMaySleep(group.node, term, commit);
    outgoing.addResponse({ group: group.key, term, commit, context, asleep });
    if (asleep) this.#host.sleep(group);
  }

  /** Gives every group what a batch brought for it; answers how many items were for unknown groups. */
  take(batch: PeerBatch): number {
    const { from } = batch;
    let unknownCount = 0;
    for (const heartbeat of batch.heartbeats) {
      if (!this.#takeHeartbeat(from, heartbeat)) unknownCount++;
    }
    for (const key of batch.lightHeartbeats) {
      if (!this.#takeLightHeartbeat(from, key)) unknownCount++;
    }
    for (const response of batch.responses) {
      if (!this.#takeResponse(from, response)) unknownCount++;
    }
    for (const key of batch.lightResponses) {
      if (!this.#takeLightResponse(from, key)) unknownCount++;
    }
    return unknownCount;
  }

  #takeHeartbeat(from: number, heartbeat: FullHeartbeat): boolean {
    const group = this.#host.find(heartbeat.group);
    if (group === undefined || !group.accepts(from, heartbeat.group)) return false;
    const { term, commit, context, sleep } = heartbeat;
    if (!sleep) this.#host.wake(group, from);
    const message = this.#message("MsgHeartbeat", from, term);
    message.commit = commit;
    message.context = context;
    this.#host.guard(group, () => group.stepQuietly(message));
    if (group.isRemoved) return true;
    if (group.node.leaderId !== from || group.node.term !== term) return true;
    group.heardFrom = from;
    group.heardTerm = term;
    group.heardCommit = commit;
    group.heardLight = false;
    group.isSleepOffered = sleep && this.#host.hibernates;
    return true;
  }

  /** Without the full one that it stands for a light heartbeat means nothing, and stays unanswered. */
  #takeLightHeartbeat(from: number, key: GroupKey): boolean {
    const group = this.#host.find(key);
    if (group === undefined) return false;
    if (group.heardFrom !== from) return true;
    this.#host.wake(group, from);
    group.heardLight = true;
    group.isSleepOffered = false;
    const message = this.#message("MsgHeartbeat", from, group.heardTerm);
    message.commit = group.heardCommit;
    this.#host.guard(group, () => group.stepQuietly(message));
    if (group.isRemoved) return true;
    return true;
  }

  #takeResponse(from: number, response: FullHeartbeatResponse): boolean {
    const group = this.#host.find(response.group);
    if (group === undefined) return false;
    if (!response.asleep) this.#host.wake(group, from);
    const message = this.#message("MsgHeartbeatResp", from, response.term);
    message.context = response.context;
    this.#host.guard(group, () => group.stepQuietly(message));
    if (group.isRemoved) return true;
    if (group.isAsleep || group.node.role !== "leader") return true;
    group.record(from).answered(response.term, response.commit);
    if (response.asleep) this.#fellAsleep(group, from, response);
    return true;
  }

  #takeLightResponse(from: number, key: GroupKey): boolean {
    const group = this.#host.find(key);
    if (group === undefined) return false;
    const record = group.record(from);
    const term = record.lightTerm;
    if (term === undefined) return true;
    this.#host.wake(group, from);
    record.answeredLight();
    const response = this.#message("MsgHeartbeatResp", from, term);
    this.#host.guard(group, () => group.stepQuietly(response));
    return true;
  }

  /** A drowsy leader sleeps when everybody does, provided that there is still nothing to do. */
  #fellAsleep(group: Group<Owner>, from: number, response: FullHeartbeatResponse): void {
    const { node, sleepers } = group;
    if (group.wakefulness !== "drowsy" || sleepers === undefined) return;
    if (response.term !== node.term || response.commit !== node.lastIndex) return;
    if (!sleepers.includes(from)) sleepers.push(from);
    const isGone = (id: number): boolean => this.#host.isGone(id);
    if (!otherMembers(node).every((id) => sleepers.includes(id) || isGone(id))) return;
    if (leaderMaySleep(node, isGone)) this.#host.sleep(group);
  }

  #message(type: Message["type"], from: number, term: number): MessageDraft {
    const message = createMessage(type, this.#nodeId);
    message.from = from;
    message.term = term;
    return message;
  }
}

/** Ends a leader's drowsiness, and whatever offer to sleep a follower holds. */
export function stayAwake<Owner>(group: Group<Owner>): void {
  group.idleTicks = 0;
  group.isSleepOffered = false;
  if (group.wakefulness !== "drowsy") return;
  group.wakefulness = "awake";
  group.sleepers = undefined;
}
