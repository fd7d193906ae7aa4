import { type Candidacy, mayCampaign } from "./candidacy.ts";
import { candidateDelayTicksMax } from "./candidate-order.ts";
import { ElectionLines } from "./election-lines.ts";
import type { Message } from "../message.ts";
import type { Group } from "./group.ts";
import { stayAwake } from "./heartbeat-exchange.ts";
import { isMember, otherMembers } from "./hibernation.ts";
import type { ResolvedOptions } from "./multi-config.ts";
import type { MultiRaftCounters } from "./multi-counters.ts";
import type { Peers } from "./peers.ts";
import { courtesyTicks, isRival } from "./rival-candidate.ts";

/** What elections need of the node that holds them. */
export interface ElectionHost<Owner> {
  readonly peers: Peers;
  readonly counters: MultiRaftCounters;
  candidacy(): Candidacy;
  /** The group may have something to hand out. */
  touched(group: Group<Owner>): void;
  /** Asks a peer to remember the group. */
  callAwake(group: Group<Owner>, peerId: number): void;
  /** Does something with a group, which may turn out to be broken. */
  guard(group: Group<Owner>, act: () => boolean): boolean | undefined;
}

/** When a node's groups begin elections: the core never does so by itself. */
export class Elections<Owner> {
  readonly #options: ResolvedOptions;
  readonly #host: ElectionHost<Owner>;
  readonly #lines: ElectionLines<Group<Owner>>;
  #nowTick = 1;

  constructor(options: ResolvedOptions, host: ElectionHost<Owner>) {
    this.#options = options;
    this.#host = host;
    this.#lines = new ElectionLines(options.electionsPerTickMax, candidateDelayTicksMax(options));
  }

  /** The group wants a leader, after a delay, and as soon as it is its turn. */
  request(group: Group<Owner>, delayTicks: number): void {
    if (group.isElectionQueued) return;
    group.isElectionQueued = true;
    group.doubtedId = 0;
    this.#lines.request(group, delayTicks);
  }

  /**
   * A tick of a group that is not led here. Once a node's patience is at its end its clock stops until an election is
   * admitted. Before that a tick has nothing to say: it is not looked for, at every follower that is awake.
   */
  tickGroup(group: Group<Owner>): void {
    if (group.isElectionQueued && group.node.leaderId === 0) return;
    if (!group.isElectionDue) {
      group.tick();
    } else if (group.isVoter) {
      const leaderId = group.node.leaderId || group.doubtedId;
      // It would do the same by campaigning: while it waits, others may have its vote.
      group.node.forgetLeader();
      this.#doubtLeader(group, leaderId);
      this.#host.touched(group);
    } else {
      this.#missLeader(group);
    }
  }

  /** Lets those begin whose turn it is; called once a tick, after all groups were ticked. See `MultiRaft.tick`. */
  tick(isDiskBehind: boolean): void {
    if (!isDiskBehind) this.#nowTick++; // A rival's votes wait for it.
    const host = this.#host;
    this.#lines.tick(
      host.peers.areHeard,
      (group) => host.guard(group, () => this.#start(group)) ?? false,
    );
  }

  /** A message came for a group, which was not given it yet: it may be another candidate's. */
  heard(group: Group<Owner>, message: Message): void {
    if (group.isElectionQueued && isRival(group.node, message)) group.rivalTick = this.#nowTick;
  }

  /** The node may lead the group again: what it says of having led it must not depose it. */
  takeBackFarewell({ key, node }: Group<Owner>): void {
    for (const id of otherMembers(node)) this.#host.peers.get(id).takeBackFarewell(key);
  }

  /** A learner cannot wake a sleeping group by asking for votes, so it asks to be remembered. */
  #missLeader(group: Group<Owner>): void {
    group.electionTicks = 0;
    if (!isMember(group.node, this.#options.nodeId)) return;
    for (const id of otherMembers(group.node)) this.#host.callAwake(group, id);
  }

  #doubtLeader(group: Group<Owner>, leaderId: number): void {
    if (group.isElectionQueued) return;
    if (otherMembers(group.node).length === 0) this.request(group, 0);
    else this.#doubt(group, leaderId);
  }

  #doubt(group: Group<Owner>, leaderId: number): void {
    group.isElectionQueued = true;
    group.doubtedId = leaderId;
    const isHeard = leaderId !== 0 && this.#host.peers.find(leaderId)?.isHeard === true;
    this.#lines.doubt(group, isHeard ? "heard" : "unknown");
  }

  /** Answers whether an election began. */
  #start(group: Group<Owner>): boolean {
    if (!group.isElectionQueued) return false; // Its doubt was overtaken by what is known.
    group.isElectionQueued = false;
    const { node } = group;
    const { counters } = this.#host;
    const isNeeded = !group.isRemoved && node.role !== "leader" && node.leaderId === 0;
    if (isNeeded && this.#yields(group)) return false;
    group.rivalTick = 0;
    group.turnTick = 0;
    if (!isNeeded) return false;
    if (!mayCampaign(this.#host.candidacy(), group, this.#patienceTicks)) {
      group.electionsDenied++;
      return false;
    }
    group.electionsDenied = 0;
    this.takeBackFarewell(group);
    counters.electionsStarted++;
    stayAwake(group);
    group.startElection();
    return true;
  }

  /** Whether the group goes on waiting, for another candidate was first. */
  #yields(group: Group<Owner>): boolean {
    if (group.turnTick === 0) group.turnTick = this.#nowTick;
    const waitTicks = courtesyTicks(this.#options, group, this.#nowTick);
    if (waitTicks === 0) return false;
    if (group.isElectionDue) this.#doubt(group, group.doubtedId);
    else this.request(group, waitTicks - 1);
    return true;
  }

  /** The others elect somebody well before a reluctant node thinks that there is nobody else. */
  get #patienceTicks(): number {
    return 3 * this.#options.electionTicks;
  }
}
