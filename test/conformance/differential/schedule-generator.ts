import { Prng } from "../../../packages/raft-ts/fakes/prng.ts";
import type { Coverage } from "./coverage.ts";
import { wouldConfirmReads, wouldOvertakeConfChanges, wouldReadTooEarly } from "./deviations.ts";
import type { Command, CommandName, GroupSettings } from "./schedule.ts";
import { formatCommand, formatSettings } from "./schedule.ts";
import { SubjectGroup } from "./subject-group.ts";
import type { SubjectNode } from "./subject-node.ts";

/** A schedule and what raft-ts answered to each of its lines. */
export interface RecordedSchedule {
  readonly seed: number;
  /** As the reference reads them: the settings, then the commands. */
  readonly lines: readonly string[];
  readonly answers: readonly string[];
}

/** How unfriendly the world of one schedule is; probabilities. */
interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  readonly restart: number;
  readonly partition: number;
}

const IN_FLIGHT_MAX = 60;

/** Makes the schedule of `seed` up while raft-ts runs it: what can be done next depends on its answers. */
export function generateSchedule(seed: number, coverage: Coverage): RecordedSchedule {
  return new ScheduleGenerator(seed, coverage).generate();
}

class ScheduleGenerator {
  readonly #seed: number;
  readonly #prng: Prng;
  readonly #coverage: Coverage;
  readonly #weather: Weather;
  readonly #settings: GroupSettings;
  readonly #group: SubjectGroup;
  readonly #ids: readonly number[];
  /** A voter that is never removed or demoted. */
  readonly #anchor: number;
  readonly #changesMembership: boolean;
  readonly #lines: string[];
  readonly #answers: string[] = ["schedule"];
  /** Numbers of the messages on their way. */
  readonly #inFlight: number[] = [];
  #sentSeen = 0;
  readonly #cutLinks = new Set<string>();
  #counter = 0;
  #broken = false;

  constructor(seed: number, coverage: Coverage) {
    this.#seed = seed;
    this.#prng = new Prng(seed);
    this.#coverage = coverage;
    this.#weather = this.#pickWeather();
    this.#settings = this.#pickSettings();
    this.#anchor = this.#prng.pick(this.#settings.voters);
    this.#changesMembership =
      this.#settings.maxUncommittedEntriesSize === Infinity && this.#prng.chance(0.7);
    this.#group = new SubjectGroup(this.#settings);
    this.#ids = [...this.#group.nodes.keys()];
    this.#lines = [formatSettings(this.#settings)];
  }

  generate(): RecordedSchedule {
    const stepsMax = 100 + this.#prng.integer(400);
    if (this.#prng.chance(0.7)) this.#issue("campaign", this.#anchor);
    while (this.#lines.length < stepsMax && !this.#broken) this.#act();
    return { seed: this.#seed, lines: this.#lines, answers: this.#answers };
  }

  #pickWeather(): Weather {
    const prng = this.#prng;
    return {
      loss: prng.pick([0, 0, 0.03, 0.1, 0.3]),
      duplication: prng.pick([0, 0.05, 0.2]),
      reordering: prng.pick([0, 0.1, 0.5, 1]),
      restart: prng.pick([0, 0.005, 0.02]),
      partition: prng.pick([0, 0.005, 0.02]),
    };
  }

  #pickSettings(): GroupSettings {
    const prng = this.#prng;
    const nodes = 3 + prng.integer(3);
    const voters = [1, 2, 3, 4, 5].slice(0, prng.pick([nodes, nodes, 3, prng.chance(0.3) ? 1 : 2]));
    const next = voters.length + 1;
    const learners = next <= nodes && prng.chance(0.3) ? [next] : [];
    const checkQuorum = prng.chance(0.5);
    const maxSizePerMsg = prng.pick([0, 600, Infinity]);
    return {
      nodes,
      voters,
      learners,
      base: prng.pick([0, 10]),
      async: prng.chance(0.5),
      preVote: prng.chance(0.5),
      checkQuorum,
      leaseReads: checkQuorum && prng.chance(0.2),
      disableProposalForwarding: prng.chance(0.2),
      stepDownOnRemoval: prng.chance(0.8),
      electionTick: 3 + prng.integer(5),
      heartbeatTick: 1 + prng.integer(2),
      maxSizePerMsg,
      maxCommittedSizePerReady: prng.pick([1, 600, Infinity]),
      maxUncommittedEntriesSize: prng.pick([500, Infinity, Infinity, Infinity]),
      maxInflightMsgs: prng.pick([1, 2, 3, 256]),
      maxInflightBytes: maxSizePerMsg === Infinity ? Infinity : prng.pick([600, 1_000, Infinity]),
    };
  }

  /** Does one thing, or a few that belong together. */
  #act(): void {
    const prng = this.#prng;
    const { restart, partition } = this.#weather;
    if (prng.chance(restart)) this.#issue("restart", prng.pick(this.#ids));
    if (prng.chance(partition)) this.#movePartition();
    const choice = prng.integer(100);
    if (choice < 37) this.#deliver();
    else if (choice < 72) this.#work(prng.pick(this.#ids));
    else if (choice < 79) this.#issue("tick", prng.pick(this.#ids));
    else if (choice < 83) for (const id of this.#ids) this.#issue("tick", id);
    else if (choice < 85) this.#settle();
    else if (choice < 92) this.#useAsClient();
    else this.#administer();
  }

  /** Runs one command on raft-ts and writes both down. */
  #issue(name: CommandName, ...args: readonly (string | number)[]): void {
    if (this.#broken) return;
    const command: Command = {
      random: this.#prng.integer(this.#settings.electionTick),
      name,
      args,
    };
    this.#lines.push(formatCommand(command));
    try {
      const answer = this.#group.run(command);
      this.#answers.push(answer);
      this.#coverage.count(answer);
    } catch (cause) {
      this.#answers.push(`panic ${cause instanceof Error ? cause.message : String(cause)}`);
      this.#broken = true;
      return;
    }
    this.#postSent();
    for (const node of this.#group.nodes.values()) {
      if (node.keptReads()) this.#issue("restart", node.id);
    }
  }

  /** Puts what was sent on its way, or loses it. */
  #postSent(): void {
    for (; this.#sentSeen < this.#group.sent.length; this.#sentSeen++) {
      if (!this.#prng.chance(this.#weather.loss)) this.#inFlight.push(this.#sentSeen);
    }
    if (this.#inFlight.length > IN_FLIGHT_MAX) this.#inFlight.splice(0, 20);
  }

  #deliver(): void {
    const { reordering, duplication } = this.#weather;
    if (this.#sentSeen > 0 && this.#prng.chance(duplication / 3)) {
      // One that was delivered or lost long ago.
      this.#deliverMessage(this.#prng.integer(this.#sentSeen));
      return;
    }
    if (this.#inFlight.length === 0) return;
    const isReordered = this.#prng.chance(reordering);
    const position = isReordered ? this.#prng.integer(this.#inFlight.length) : 0;
    const number = this.#inFlight.splice(position, 1)[0] ?? 0;
    if (this.#prng.chance(duplication)) this.#inFlight.push(number);
    this.#deliverMessage(number);
  }

  #deliverMessage(number: number): void {
    const message = this.#group.message(number);
    const node = this.#group.node(message.to);
    if (this.#cutLinks.has(`${message.from}>${message.to}`)) return;
    if (message.type === "MsgReadIndex" && wouldReadTooEarly(node.rawNode)) return;
    if (wouldOvertakeConfChanges(node, message)) return;
    this.#issue("deliver", number);
  }

  /** Lets a node do a piece of the work that it has. */
  #work(id: number): boolean {
    const node = this.#group.node(id);
    const possible = this.#possibleWork(node);
    if (possible.length === 0) return false;
    this.#issue(this.#prng.pick(possible), id);
    return true;
  }

  #possibleWork(node: SubjectNode): readonly CommandName[] {
    const possible: CommandName[] = [];
    const canApply = !wouldConfirmReads(node);
    if (node.accepted !== undefined) {
      if (canApply) possible.push("advance");
    } else if (node.rawNode.hasReady()) {
      possible.push("ready");
    }
    if (node.appends.length > 0) possible.push("append");
    if (node.applies.length > 0 && canApply) possible.push("apply");
    return possible;
  }

  /** A while in which everything goes well, so that there is something to go wrong later. */
  #settle(): void {
    const actionsMax = 80;
    for (let count = 0; count < actionsMax && !this.#broken; count++) {
      const hasWorked = this.#ids.map((id) => this.#work(id)).includes(true);
      const number = this.#inFlight.shift();
      if (number !== undefined) this.#deliverMessage(number);
      else if (!hasWorked) return;
    }
  }

  #movePartition(): void {
    if (this.#cutLinks.size > 0) {
      this.#cutLinks.clear();
      return;
    }
    const victim = this.#prng.pick(this.#ids);
    const isOneWay = this.#prng.chance(0.3);
    for (const id of this.#ids) {
      this.#cutLinks.add(`${victim}>${id}`);
      if (!isOneWay) this.#cutLinks.add(`${id}>${victim}`);
    }
  }

  /** Proposes or reads, mostly at a leader. */
  #useAsClient(): void {
    const id = this.#prng.chance(0.75) ? this.#someLeader() : this.#prng.pick(this.#ids);
    this.#counter++;
    if (this.#prng.chance(0.7)) this.#issue("propose", id, `p${this.#counter}`);
    else if (!wouldReadTooEarly(this.#group.node(id).rawNode)) {
      this.#issue("read", id, this.#counter);
    }
  }

  #someLeader(): number {
    const leaders = this.#ids.filter((id) => this.#group.node(id).rawNode.role === "leader");
    return leaders.length === 0 ? this.#prng.pick(this.#ids) : this.#prng.pick(leaders);
  }

  #administer(): void {
    const prng = this.#prng;
    const leader = this.#someLeader();
    const id = prng.pick(this.#ids);
    const choice = prng.integer(14);
    if (choice >= 12) this.#reportToLeader(leader, id);
    else if (choice >= 10) this.#compact(leader);
    else if (choice < 4) this.#changeMembership(prng.chance(0.85) ? leader : id);
    else if (choice < 5) this.#issue("campaign", id);
    else if (choice < 6) this.#transfer(prng.chance(0.7) ? leader : id, id);
    else if (choice < 7) this.#compact(prng.chance(0.5) ? leader : id);
    else if (choice < 8) this.#reportToLeader(leader, id);
    else if (choice < 9) this.#issue("snapshots", id, prng.chance(0.3) ? "off" : "on");
    else if (prng.chance(0.3)) this.#issue("forget", id);
  }

  #transfer(id: number, target: number): void {
    this.#issue("transfer", id, target);
  }

  #reportToLeader(leader: number, id: number): void {
    if (this.#prng.chance(0.5)) {
      this.#repeatRefusal(leader, id);
      this.#issue("unreachable", leader, id);
    } else {
      this.#issue("snapstatus", leader, id, this.#prng.chance(0.5) ? "failure" : "finish");
    }
  }

  /** Lets an old refusal come again when it looks just like the answer to a probe. */
  #repeatRefusal(leader: number, id: number): void {
    const { rawNode } = this.#group.node(leader);
    const match = rawNode.status().progress.find((peer) => peer.id === id)?.match;
    const number = this.#group.sent.findLastIndex(
      ({ type, reject, from, term, index }) =>
        type === "MsgAppResp" && reject && from === id && term === rawNode.term && index === match,
    );
    if (number === -1) return;
    this.#issue("unreachable", leader, id);
    this.#deliverMessage(number);
  }

  #compact(id: number): void {
    const { storage } = this.#group.node(id);
    const index = storage.state.index - this.#prng.integer(3);
    if (index >= storage.firstIndex()) this.#issue("compact", id, index);
  }

  #changeMembership(id: number): void {
    if (!this.#changesMembership) return;
    const prng = this.#prng;
    const { confState } = this.#group.node(id).rawNode;
    if (confState.votersOutgoing.length > 0 && prng.chance(0.7)) {
      this.#issue("confchange", id, "v2", "auto", "-");
      return;
    }
    const count = prng.pick([1, 1, 2, 3]);
    const steps = this.#pickSteps(count);
    if (count === 1 && prng.chance(0.7)) {
      this.#issue("confchange", id, prng.pick(["v1", "v2"]), "auto", steps);
    } else {
      const transition = prng.pick(["auto", "jointImplicit", "jointExplicit"]);
      this.#issue("confchange", id, "v2", transition, steps);
    }
  }

  /** Steps for different nodes, none of which takes the anchor out of the voters. */
  #pickSteps(count: number): string {
    const prng = this.#prng;
    const left = [...this.#ids];
    const steps: string[] = [];
    while (steps.length < count && left.length > 0) {
      const id = left.splice(prng.integer(left.length), 1)[0] ?? this.#anchor;
      const letter = id === this.#anchor ? prng.pick(["v", "u"]) : prng.pick(["v", "v", "l", "r"]);
      steps.push(`${letter}${id}`);
    }
    return steps.join();
  }
}
