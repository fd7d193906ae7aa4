import type { ConfChange, ConfChangeStepType, ConfChangeTransition } from "../src/conf-change.ts";
import { EMPTY_CONF_STATE, isJoint } from "../src/conf-state.ts";
import { NO_DATA } from "../src/entry.ts";
import type { Message } from "../src/message.ts";
import { InvariantViolation, Observer } from "./invariants.ts";
import { Prng } from "./prng.ts";
import { SimulatedNode } from "./simulated-node.ts";

const MESSAGES_MAX = 400;
const PROPOSAL_BYTES = 4;

/** What a run did, so that a test can tell that it did anything. */
export interface RunReport {
  readonly committed: number;
  readonly term: number;
  readonly reads: number;
  readonly crashes: number;
  readonly membershipChanges: number;
  readonly snapshots: number;
}

/** Three to seven members, a network that fails and disks that lose what was not flushed: all from one seed. */
export class SimulatedCluster {
  readonly #prng: Prng;
  readonly #observer = new Observer();
  readonly #nodes: SimulatedNode[] = [];
  #messages: Message[] = [];
  /** Directions in which nothing arrives, as "from>to". */
  readonly #cut = new Set<string>();
  readonly #reads = new Map<number, number>();
  readonly #lossProbability: number;
  readonly #duplicateProbability: number;
  readonly #storminess: number;
  #isHealed = false;
  #lastRead = 0;
  #lastProposal = 0;
  #readsServed = 0;
  #crashes = 0;
  #membershipChanges = 0;
  #snapshots = 0;

  constructor(seed: number) {
    const prng = new Prng(seed);
    this.#prng = prng;
    this.#lossProbability = prng.pick([0, 0.02, 0.1, 0.25]);
    this.#duplicateProbability = prng.pick([0, 0.05, 0.2]);
    this.#storminess = prng.pick([0.05, 0.3, 1]);
    const nodeCount = 3 + prng.integer(5);
    const voterCount = 1 + prng.integer(nodeCount);
    const ids = Array.from({ length: nodeCount }, (_, position) => position + 1);
    const conf = { ...EMPTY_CONF_STATE, voters: ids.slice(0, voterCount) };
    const options = {
      asyncStorageWrites: prng.chance(0.7),
      appliedIsDurable: prng.chance(0.5),
      pendingProbability: prng.pick([0, 0.3]),
      maxSizePerMsg: prng.pick([0, 60, 1_000]),
      maxInflightMsgs: prng.pick([1, 3, 64]),
    };
    const world = {
      prng,
      observer: this.#observer,
      outbox: (message: Message): void => this.#send(message),
      onRead: (context: number, index: number): void => this.#checkRead(context, index),
    };
    // The first membership is not in the log: joiners know it, or a snapshot tells them.
    const snapshot = prng.chance(0.5)
      ? { index: 1, term: 1, confState: conf, data: NO_DATA }
      : undefined;
    if (snapshot !== undefined) this.#observer.startsWith(snapshot);
    for (const id of ids) {
      const isMember = id <= voterCount;
      const known = isMember || snapshot === undefined ? conf : EMPTY_CONF_STATE;
      const start = isMember ? snapshot : undefined;
      this.#nodes.push(new SimulatedNode(id, known, start, options, world));
    }
  }

  /** Safety: `steps` random events, with every invariant checked after each. */
  runFaults(steps: number): void {
    for (let taken = 0; taken < steps; taken++) this.#randomEvent();
  }

  /** Liveness: once all faults end, a leader emerges and everybody gets and applies a new entry. */
  runHealed(roundsMax: number): void {
    this.#isHealed = true;
    this.#cut.clear();
    for (const node of this.#nodes) if (node.rawNode === undefined) this.#restart(node);
    for (let round = 0; round < roundsMax; round++) {
      this.#healedRound();
      if (this.#isConverged()) return;
      this.#nudge(round);
    }
    throw new InvariantViolation(`no progress after ${roundsMax} rounds\n${this.describe()}`);
  }

  /** One line per node, for the report of a failure. */
  describe(): string {
    const lines = this.#nodes.map((node) => {
      const raw = node.rawNode;
      if (raw === undefined) return `${node.id}: down`;
      const { role, term, leaderId, committed, applied, lastIndex } = raw;
      const conf = JSON.stringify(raw.confState);
      const progress = JSON.stringify(raw.status().progress);
      return `${node.id}: ${role} term=${term} leader=${leaderId} committed=${committed} applied=${applied} last=${lastIndex} ${conf} ${progress}`;
    });
    return lines.join("\n");
  }

  report(): RunReport {
    return {
      committed: this.#observer.committed,
      term: Math.max(...this.#nodes.map((node) => node.seenTerm)),
      reads: this.#readsServed,
      crashes: this.#crashes,
      membershipChanges: this.#membershipChanges,
      snapshots: this.#snapshots,
    };
  }

  #send(message: Message): void {
    const isLocal = message.from <= 0 || message.from === message.to;
    if (!isLocal && !this.#isHealed && this.#prng.chance(this.#lossProbability)) {
      this.#reportLoss(message);
      return;
    }
    if (message.type === "MsgSnap") this.#snapshots++;
    this.#messages.push(message);
    const isRepeated = !isLocal && this.#prng.chance(this.#duplicateProbability);
    if (isRepeated && !this.#isHealed) this.#messages.push(message);
    if (this.#messages.length > MESSAGES_MAX) this.#dropOldest();
  }

  /** Local messages are never lost: they die only with their process. */
  #dropOldest(): void {
    const position = this.#messages.findIndex((message) => !isOwn(message));
    if (position < 0) return;
    const lost = this.#messages[position];
    this.#messages.splice(position, 1);
    if (lost !== undefined) this.#reportLoss(lost);
  }

  /** The transport owes the sender word of a snapshot that did not arrive. */
  #reportLoss(message: Message): void {
    if (message.type !== "MsgSnap") return;
    this.#nodes[message.from - 1]?.rawNode?.reportSnapshot(message.to, "failure");
  }

  #randomEvent(): void {
    const node = this.#prng.pick(this.#nodes);
    const dice = this.#prng.integer(1_000);
    if (dice < 560) this.#deliverRandom();
    else if (dice < 630) this.#touch(node, () => node.rawNode?.tick());
    else if (dice < 760) this.#touch(node, () => node.finishWrite());
    else if (dice < 840) this.#touch(node, () => node.finishApply());
    else if (dice < 920) this.#propose(node);
    else if (dice < 935) this.#touch(node, () => this.#finishFetch(node));
    else this.#rareEvent(node, dice);
  }

  #rareEvent(node: SimulatedNode, dice: number): void {
    if (dice < 945) this.#proposeMembership(this.#leaderOr(node));
    else if (dice < 955) this.#read(node);
    else if (dice < 960) this.#disturb(() => this.#crashOrRestart(node));
    else if (dice < 972) this.#restartAny();
    else if (dice < 980) this.#disturb(() => this.#togglePartition());
    else if (dice < 984) this.#touch(node, () => node.compact());
    else if (dice < 988) this.#disturb(() => this.#touch(node, () => node.rawNode?.campaign()));
    else if (dice < 992) this.#disturb(() => this.#transfer(node));
    else if (dice < 995) this.#touch(node, () => node.rawNode?.forgetLeader());
    else this.#touch(node, () => node.rawNode?.reportUnreachable(this.#prng.pick(this.#nodes).id));
  }

  /** Some runs are stormy, in others the group gets far. */
  #disturb(action: () => void): void {
    if (this.#prng.chance(this.#storminess)) action();
  }

  /** Does something to a node, lets it say what it wants, and checks everything. */
  #touch(node: SimulatedNode, action: () => void): void {
    action();
    this.#check(node);
    // Sometimes several steps gather before the node is asked.
    if (this.#isHealed || this.#prng.chance(0.8)) node.collect();
    this.#check(node);
  }

  #check(node: SimulatedNode): void {
    this.#observer.checkDurableOnQuorum(node, this.#nodes);
    this.#observer.observe(node);
  }

  /** The network reorders; what a disk says to its own node stays in order. */
  #deliverRandom(): void {
    if (this.#messages.length === 0) return;
    let position = this.#prng.integer(this.#messages.length);
    const chosen = this.#messages[position];
    if (chosen !== undefined && isOwn(chosen)) {
      position = this.#messages.findIndex((message) => isOwn(message) && message.to === chosen.to);
    }
    const [message] = this.#messages.splice(position, 1);
    if (message !== undefined) this.#deliver(message);
  }

  #deliver(message: Message): void {
    const node = this.#nodes[message.to - 1];
    const isCut = this.#cut.has(`${message.from}>${message.to}`);
    if (isCut || node?.rawNode === undefined) {
      this.#reportLoss(message);
      return;
    }
    this.#touch(node, () => node.rawNode?.step(message));
    if (message.type === "MsgSnap") {
      this.#nodes[message.from - 1]?.rawNode?.reportSnapshot(message.to, "finish");
    }
  }

  #propose(node: SimulatedNode): void {
    const data = new Uint8Array(PROPOSAL_BYTES + this.#prng.integer(40));
    this.#lastProposal++;
    new DataView(data.buffer).setUint32(0, this.#lastProposal);
    this.#touch(node, () => node.rawNode?.propose(data));
  }

  #leaderOr(node: SimulatedNode): SimulatedNode {
    return this.#nodes.find((other) => other.rawNode?.role === "leader") ?? node;
  }

  #proposeMembership(node: SimulatedNode): void {
    const transition = this.#prng.pick<ConfChangeTransition>([
      "auto",
      "jointImplicit",
      "jointExplicit",
    ]);
    const types: readonly ConfChangeStepType[] = ["addVoter", "addVoter", "addLearner", "remove"];
    const count = this.#prng.integer(4);
    const changes = Array.from({ length: count }, () => ({
      type: this.#prng.pick(types),
      nodeId: this.#prng.pick(this.#nodes).id,
    }));
    const change: ConfChange =
      count === 0
        ? { transition: "auto", changes, context: NO_DATA }
        : { transition, changes, context: NO_DATA };
    this.#touch(node, () => {
      const outcome = node.rawNode?.proposeConfChange(change);
      if (outcome?.kind === "appended") this.#membershipChanges++;
    });
  }

  #read(node: SimulatedNode): void {
    this.#lastRead++;
    this.#reads.set(this.#lastRead, this.#observer.committed);
    this.#touch(node, () => node.rawNode?.readIndex(this.#lastRead));
  }

  /** A read sees everything that anybody knew to be committed when it was asked for. */
  #checkRead(context: number, index: number): void {
    const least = this.#reads.get(context);
    if (least === undefined || index < least) {
      throw new InvariantViolation(`read ${context} at ${index} misses entries up to ${least}`);
    }
    this.#readsServed++;
  }

  #crashOrRestart(node: SimulatedNode): void {
    if (node.rawNode === undefined) {
      this.#restart(node);
      return;
    }
    this.#crashes++;
    node.crash();
    this.#messages = this.#messages.filter(
      (message) => !(isOwn(message) && message.to === node.id),
    );
  }

  #restartAny(): void {
    const down = this.#nodes.filter((node) => node.rawNode === undefined);
    if (down.length > 0) this.#restart(this.#prng.pick(down));
  }

  #restart(node: SimulatedNode): void {
    node.start();
    this.#check(node);
  }

  #togglePartition(): void {
    if (this.#cut.size > 0 && this.#prng.chance(0.5)) {
      this.#cut.clear();
      return;
    }
    const lonely = this.#prng.pick(this.#nodes).id;
    const direction = this.#prng.integer(3);
    for (const { id } of this.#nodes) {
      if (direction !== 1) this.#cut.add(`${lonely}>${id}`);
      if (direction !== 0) this.#cut.add(`${id}>${lonely}`);
    }
    this.#cut.delete(`${lonely}>${lonely}`);
  }

  #transfer(node: SimulatedNode): void {
    this.#touch(node, () => node.rawNode?.transferLeader(this.#prng.pick(this.#nodes).id));
  }

  #finishFetch(node: SimulatedNode): void {
    if (!node.storage.fetching) return;
    node.storage.finishFetch();
    node.rawNode?.entriesFetched();
  }

  #healedRound(): void {
    for (const node of this.#nodes) this.#touch(node, () => node.rawNode?.tick());
    const exchangesMax = 200;
    for (let exchange = 0; exchange < exchangesMax; exchange++) {
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) this.#deliver(message);
      for (const node of this.#nodes) {
        while (node.writes.length > 0) this.#touch(node, () => node.finishWrite());
        while (node.applies.length > 0) this.#touch(node, () => node.finishApply());
        this.#touch(node, () => this.#finishFetch(node));
      }
      if (this.#messages.length === 0) return;
    }
  }

  /** The leader gets a new entry from time to time, and an end to an explicit joint configuration. */
  #nudge(round: number): void {
    if (round % 5 !== 0) return;
    const leader = this.#nodes.find((node) => node.rawNode?.role === "leader");
    if (leader === undefined) return;
    this.#propose(leader);
    const conf = leader.rawNode?.confState;
    if (conf === undefined || !isJoint(conf)) return;
    const leave = { transition: "auto", changes: [], context: NO_DATA } as const;
    this.#touch(leader, () => leader.rawNode?.proposeConfChange(leave));
  }

  /** Whether all members applied all that is committed, some of it since the faults ended. */
  #isConverged(): boolean {
    const leader = this.#nodes.find((node) => node.rawNode?.role === "leader");
    const raw = leader?.rawNode;
    if (raw === undefined || isJoint(raw.confState)) return false;
    if (raw.committed !== raw.lastIndex || raw.termAt(raw.committed) !== raw.term) return false;
    const members = [...raw.confState.voters, ...raw.confState.learners];
    return members.every((id) => this.#nodes[id - 1]?.appliedIndex === raw.committed);
  }
}

function isOwn(message: Message): boolean {
  return message.from <= 0 || message.from === message.to;
}
