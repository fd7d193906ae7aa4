import type { MultiRaftOptions } from "../src/multi/multi-config.ts";
import { SimulatedObserver } from "./simulated-observer.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { Packet } from "./simulated-process.ts";
import { SimulatedReplica } from "./simulated-replica.ts";
import type { SimulatedGroup } from "./simulated-replica.ts";

/** A seeded generator. */
export interface SimulatedRandom {
  readonly integer: (bound: number) => number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}

/** What a simulation is made of. */
export interface SimulationSettings {
  readonly nodeCount: number;
  readonly groups: readonly SimulatedGroup[];
  readonly random: SimulatedRandom;
  /** Makes the random numbers of one replica. Default: those of the whole. */
  readonly replicaRandom?: (groupId: number, nodeId: number) => (bound: number) => number;
  readonly options?: Partial<MultiRaftOptions>;
  /** Whether every node has a replica of every group, so that it can become a member. */
  readonly mayJoin?: boolean;
}

/** Exchanges of packets within one round before the rest waits for the next. */
const EXCHANGES_MAX = 60;

/** Several processes, a network between them, and an observer of it all. */
export class SimulatedProcesses {
  readonly processes: readonly SimulatedProcess[];
  readonly groups: readonly SimulatedGroup[];
  readonly observer: SimulatedObserver = new SimulatedObserver();
  /** Directions in which nothing arrives, as "from>to". */
  readonly cut: Set<string> = new Set<string>();
  readonly counts = { batches: 0, items: 0, messages: 0 };
  /** Decides about each packet whether it is lost and whether it arrives twice. */
  fate: (packet: Packet) => "delivered" | "lost" | "doubled" = () => "delivered";
  packets: Packet[] = [];
  readonly #replicas = new Map<number, readonly SimulatedReplica[]>();
  #lastProposal = 0;

  constructor(settings: SimulationSettings) {
    const { nodeCount, groups, random, replicaRandom, options } = settings;
    const ids = Array.from({ length: nodeCount }, (_, position) => position + 1);
    this.groups = groups;
    const world = {
      observer: this.observer,
      send: (packet: Packet): void => this.#send(packet),
      observe: (replica: SimulatedReplica): void => {
        this.observer.observe(replica, this.replicas(replica.group.key.groupId));
      },
      options: { electionTicks: 6, ...options, random: random.integer },
    };
    for (const group of groups) {
      const members = settings.mayJoin === true ? ids : [...group.voters, ...group.learners];
      const { groupId } = group.key;
      const replicas = members.map(
        (id) => new SimulatedReplica(group, id, replicaRandom?.(groupId, id) ?? random.integer),
      );
      this.#replicas.set(groupId, replicas);
    }
    const all = [...this.#replicas.values()].flat();
    this.processes = ids.map((id) => {
      const own = all.filter(({ nodeId }) => nodeId === id);
      return new SimulatedProcess(id, own, world);
    });
  }

  process(id: number): SimulatedProcess {
    const process = this.processes[id - 1];
    if (process === undefined) throw new RangeError(`no process ${id}`);
    return process;
  }

  replicas(groupId: number): readonly SimulatedReplica[] {
    return this.#replicas.get(groupId) ?? [];
  }

  /** The replicas that are members of their group, as far as its leader knows. */
  members(groupId: number): readonly SimulatedReplica[] {
    const conf = this.leader(groupId)?.handle?.confState;
    const all = this.replicas(groupId);
    if (conf === undefined) return all;
    const { voters, votersOutgoing, learners } = conf;
    const ids = new Set([...voters, ...votersOutgoing, ...learners]);
    return all.filter(({ nodeId }) => ids.has(nodeId));
  }

  /** The live leader of a group's highest term, if there is one. */
  leader(groupId: number): SimulatedReplica | undefined {
    let best: SimulatedReplica | undefined;
    for (const replica of this.replicas(groupId)) {
      if (replica.handle?.role !== "leader") continue;
      if (best === undefined || replica.handle.term > (best.handle?.term ?? 0)) best = replica;
    }
    return best;
  }

  /** Proposes a fresh entry; answers whether the replica took it. */
  propose(replica: SimulatedReplica | undefined): boolean {
    this.#lastProposal++;
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, this.#lastProposal);
    return replica?.handle?.propose(data).kind === "appended";
  }

  #send(packet: Packet): void {
    if (packet.kind === "message") {
      this.counts.messages++;
    } else {
      const { heartbeats, lightHeartbeats, responses, lightResponses, wakes } = packet.batch;
      this.counts.batches++;
      this.counts.items += heartbeats.length + lightHeartbeats.length + responses.length;
      this.counts.items += lightResponses.length + wakes.length;
    }
    const fate = this.fate(packet);
    if (fate === "lost") return;
    this.packets.push(packet);
    if (fate === "doubled") this.packets.push(packet);
  }

  deliver(packet: Packet): void {
    if (this.cut.has(`${packet.from}>${packet.to}`)) return;
    this.process(packet.to).receive(packet);
  }

  /** Checks everything that is known of the replicas of a process. */
  check(process: SimulatedProcess): void {
    for (const replica of process.replicas.values()) {
      this.observer.observe(replica, this.replicas(replica.group.key.groupId));
    }
  }

  /** One tick for everybody, in the order in which an owner must do it, and then all that follows. */
  round(): void {
    for (const { multi } of this.processes) multi?.tick();
    for (let exchange = 0; exchange < EXCHANGES_MAX; exchange++) {
      for (const process of this.processes) {
        if (process.multi?.hasWork === true) process.pass();
        while (process.writes.length > 0) process.finishWrite();
      }
      const packets = this.packets;
      this.packets = [];
      for (const packet of packets) this.deliver(packet);
      const isQuiet = this.processes.every(({ multi }) => multi?.hasWork !== true);
      if (isQuiet && this.packets.length === 0) break;
    }
    for (const process of this.processes) this.check(process);
  }

  /** Rounds until `isDone`; answers how many it took. */
  roundsUntil(what: string, roundsMax: number, isDone: () => boolean): number {
    for (let round = 0; round <= roundsMax; round++) {
      if (isDone()) return round;
      this.round();
    }
    throw new Error(`not ${what} after ${roundsMax} rounds\n${this.describe()}`);
  }

  /** Whether every group has one leader that all its live members follow. */
  get isLed(): boolean {
    return this.groups.every(({ key }) => {
      const leader = this.leader(key.groupId);
      if (leader?.handle === undefined) return false;
      const { term } = leader.handle;
      return this.members(key.groupId).every(
        ({ handle }) =>
          handle === undefined || (handle.leaderId === leader.nodeId && handle.term === term),
      );
    });
  }

  /** Whether every member of every group lives, and has applied all that its leader has. */
  get isConverged(): boolean {
    return (
      this.isLed &&
      this.groups.every(({ key }) => {
        const last = this.leader(key.groupId)?.handle?.lastIndex;
        const members = this.members(key.groupId);
        return members.every((each) => each.handle !== undefined && each.appliedIndex === last);
      })
    );
  }

  get isAsleep(): boolean {
    return this.processes.every(({ multi }) => multi === undefined || multi.awakeCount === 0);
  }

  /** One line per replica that is not like the others, for the report of a failure. */
  describe(): string {
    const lines: string[] = [];
    for (const { key } of this.groups) {
      for (const { nodeId, handle, appliedIndex } of this.replicas(key.groupId)) {
        const what =
          handle === undefined
            ? "down"
            : `${handle.role} term=${handle.term} leader=${handle.leaderId} committed=${handle.committed} last=${handle.lastIndex} asleep=${handle.isAsleep}`;
        lines.push(`group ${key.groupId} on ${nodeId}: ${what} applied=${appliedIndex}`);
      }
    }
    const linesMax = 60;
    return lines.slice(0, linesMax).join("\n");
  }
}
