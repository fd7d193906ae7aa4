import { expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { ConfChange, ConfChangeStepType } from "../conf-change.ts";
import { NO_DATA } from "../entry.ts";
import type { SimulatedProcess } from "../../fakes/simulated-process.ts";
import type { SimulatedReplica } from "../../fakes/simulated-replica.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

/*
 * RAFT_MULTI_SEED=n repeats one run; RAFT_MULTI_COUNT=n makes that many, from RAFT_MULTI_START on.
 */
const replaySeed = process.env["RAFT_MULTI_SEED"];
const runCount = Number(process.env["RAFT_MULTI_COUNT"] ?? 300);
const firstSeed = Number(process.env["RAFT_MULTI_START"] ?? 1);
const stepCount = 1_500;
const packetsMax = 500;

/** One run: faults, rest, faults that fall upon sleeping groups, rest. */
class MultiSimulation {
  readonly world: SimulatedProcesses;
  crashes = 0;
  reads = 0;
  membershipChanges = 0;
  readonly #mayJoin: boolean;
  readonly #random: Prng;
  readonly #storminess: number;

  constructor(seed: number) {
    const random = new Prng(seed);
    this.#random = random;
    const nodeCount = 3 + random.integer(3);
    const ids = Array.from({ length: nodeCount }, (_, position) => position + 1);
    const groups = Array.from({ length: 1 + random.integer(6) }, (_, at) => {
      const first = random.integer(nodeCount);
      const members = ids.map((_id, position) => ids[(first + position) % nodeCount] ?? 0);
      const voterCount = random.pick([1, 3, 3, 3, nodeCount]);
      const learnerCount = random.chance(0.2) ? 1 : 0;
      const key = { groupId: at * 7, incarnation: 1 + random.integer(3) };
      const ascending = (list: number[]): number[] => list.sort((left, right) => left - right);
      return {
        key,
        voters: ascending(members.slice(0, voterCount)),
        learners: members.slice(voterCount, voterCount + learnerCount),
      };
    });
    const options = {
      heartbeatTicks: random.pick([1, 2]),
      hibernateAfterTicks: random.pick([0, 3, 8]),
      electionsPerTickMax: random.pick([1, 128]),
      visitsPerPassMax: random.pick([1, 2, 256]),
      coalesceHeartbeats: random.chance(0.9),
    };
    this.#mayJoin = random.chance(0.5);
    const mayJoin = this.#mayJoin;
    this.world = new SimulatedProcesses({ nodeCount, groups, random, options, mayJoin });
    this.#storminess = random.pick([0.1, 0.4, 1]);
    this.#lossy();
  }

  #lossy(): void {
    const random = this.#random;
    const lossProbability = random.pick([0, 0.02, 0.2]);
    const doubleProbability = random.pick([0, 0.1]);
    this.world.fate = () => {
      if (random.chance(lossProbability)) return "lost";
      return random.chance(doubleProbability) ? "doubled" : "delivered";
    };
  }

  run(): void {
    for (let phase = 0; phase < 3; phase++) {
      this.#lossy();
      this.#faults();
      this.#rest();
    }
  }

  #faults(): void {
    for (let step = 0; step < stepCount; step++) this.#event();
  }

  /** Once all faults end, everybody gets a new entry and all groups fall asleep. */
  #rest(): void {
    const { world } = this;
    world.cut.clear();
    world.fate = () => "delivered";
    for (const each of world.processes) {
      if (each.multi === undefined) each.start();
      for (const replica of each.replicas.values()) each.reopen(replica);
    }
    world.roundsUntil("led", 150, () => world.isLed);
    let checkCount = 0;
    world.roundsUntil("converged", 80, () => {
      // A leader that was not let to end a joint membership tries again with the next entry.
      if (checkCount % 10 === 0) this.#proposeEverywhere();
      checkCount++;
      return checkCount > 1 && world.isConverged && !this.#isJoint;
    });
    this.#closeOthers();
    const mayHibernate = world.processes[0]?.multi?.hibernates === true;
    if (!mayHibernate) return;
    world.roundsUntil("asleep", 120, () => world.isAsleep);
    // Asleep means asleep: nobody misses anything.
    for (let round = 0; round < 20; round++) world.round();
    expect(world.isAsleep && world.isConverged).toBe(true);
  }

  #proposeEverywhere(): void {
    for (const { key } of this.world.groups) this.world.propose(this.world.leader(key.groupId));
  }

  get #isJoint(): boolean {
    const { groups } = this.world;
    return groups.some(({ key }) => {
      const conf = this.world.leader(key.groupId)?.handle?.confState;
      return conf === undefined || conf.votersOutgoing.length > 0;
    });
  }

  /** Who is no member any more is told so, as whoever decides about membership does. */
  #closeOthers(): void {
    const { world } = this;
    for (const { key } of world.groups) {
      const members = world.members(key.groupId);
      for (const replica of world.replicas(key.groupId)) {
        if (!members.includes(replica)) world.process(replica.nodeId).close(replica);
      }
    }
  }

  #proposeMembership(): void {
    const { world } = this;
    if (!this.#mayJoin) return;
    const group = this.#random.pick(world.groups);
    const types: readonly ConfChangeStepType[] = ["addVoter", "addVoter", "addLearner", "remove"];
    const changes = Array.from({ length: 1 + this.#random.integer(2) }, () => {
      return { type: this.#random.pick(types), nodeId: this.#random.pick(world.processes).id };
    });
    for (const { nodeId } of changes) {
      const joiner = world.process(nodeId).replicas.get(group.key.groupId);
      if (joiner !== undefined) world.process(nodeId).reopen(joiner);
    }
    const change: ConfChange = { transition: "auto", changes, context: NO_DATA };
    const outcome = world.leader(group.key.groupId)?.handle?.proposeConfChange(change);
    if (outcome?.kind === "appended") this.membershipChanges++;
  }

  #event(): void {
    const process = this.#random.pick(this.world.processes);
    const dice = this.#random.integer(1_000);
    if (dice < 480) this.#deliverRandom();
    else if (dice < 620)
      process.multi?.tick(1 + this.#random.integer(2), process.writes.length > 3);
    else if (dice < 820) process.pass();
    else if (dice < 900) process.finishWrite();
    else if (dice < 950) this.world.propose(this.#anyReplica(process));
    else if (dice < 960) this.#read(process);
    else if (dice < 965) this.#anyReplica(process)?.handle?.wake();
    else if (dice < 985) this.#disturb(process, dice);
    else if (dice < 990) this.#proposeMembership();
    else if (process.multi === undefined) process.start();
    this.world.check(process);
  }

  #disturb(process: SimulatedProcess, dice: number): void {
    if (!this.#random.chance(this.#storminess)) return;
    if (dice < 970) this.#crash(process);
    else if (dice < 971) this.#sayEnded(process);
    else if (dice < 975) this.#togglePartition();
    else if (dice < 980) this.#anyReplica(process)?.handle?.transferLeader(1);
    else this.#anyReplica(process)?.handle?.campaign();
  }

  #anyReplica(process: SimulatedProcess): SimulatedReplica | undefined {
    const replicas = [...process.replicas.values()];
    return replicas.length === 0 ? undefined : this.#random.pick(replicas);
  }

  #deliverRandom(): void {
    const { packets } = this.world;
    if (packets.length === 0) return;
    const [packet] = packets.splice(this.#random.integer(packets.length), 1);
    if (packet === undefined) return;
    this.world.deliver(packet);
    this.world.check(this.world.process(packet.to));
    if (packets.length > packetsMax) packets.splice(0, packets.length - packetsMax);
  }

  #read(process: SimulatedProcess): void {
    const replica = this.#anyReplica(process);
    if (replica?.handle === undefined) return;
    this.reads++;
    this.world.observer.readAsked(this.reads, replica.group.key.groupId);
    replica.handle.readIndex(this.reads);
  }

  #crash(process: SimulatedProcess): void {
    if (process.multi === undefined) return;
    this.crashes++;
    process.crash(this.#random.integer(process.writes.length + 1));
    if (this.#random.chance(0.5)) this.#sayEnded(process);
    if (this.#random.chance(0.3)) process.start();
  }

  /** Some hear that the process has ended: mostly it has. */
  #sayEnded(process: SimulatedProcess): void {
    for (const { id, multi } of this.world.processes) {
      if (id !== process.id && this.#random.chance(0.8)) multi?.peerEnded(process.id);
    }
  }

  #togglePartition(): void {
    const { cut, processes } = this.world;
    if (cut.size > 0 && this.#random.chance(0.5)) {
      cut.clear();
      return;
    }
    const lonely = this.#random.pick(processes).id;
    const direction = this.#random.integer(3);
    for (const { id } of processes) {
      if (direction !== 1 && id !== lonely) cut.add(`${lonely}>${id}`);
      if (direction !== 0 && id !== lonely) cut.add(`${id}>${lonely}`);
    }
  }
}

function simulate(seed: number): MultiSimulation {
  const simulation = new MultiSimulation(seed);
  try {
    simulation.run();
  } catch (cause) {
    const command =
      `RAFT_MULTI_SEED=${seed} npx vitest run --config test/vitest.config.ts ` +
      "packages/raft-ts/src/multi/multi-simulation.test.ts";
    const problem = cause instanceof Error ? cause.message : String(cause);
    const state = simulation.world.describe();
    throw new Error(`seed ${seed}: ${problem}\n${state}\nreplay: ${command}`, { cause });
  }
  return simulation;
}

test("many groups keep every invariant through faults, and all fall asleep after them", () => {
  const seeds =
    replaySeed === undefined
      ? Array.from({ length: runCount }, (_, position) => firstSeed + position)
      : [Number(replaySeed)];
  const totals = {
    committed: 0,
    crashes: 0,
    membershipChanges: 0,
    readsAnswered: 0,
    hibernations: 0,
    wakeUps: 0,
  };
  for (const seed of seeds) {
    const { world, crashes, membershipChanges } = simulate(seed);
    totals.crashes += crashes;
    totals.membershipChanges += membershipChanges;
    totals.readsAnswered += world.observer.readsAnswered;
    for (const { key } of world.groups) totals.committed += world.observer.committed(key.groupId);
    for (const { multi } of world.processes) {
      totals.hibernations += multi?.counters.hibernations ?? 0;
      totals.wakeUps += multi?.counters.wakeUps ?? 0;
    }
  }

  if (replaySeed !== undefined) return;
  // A simulation in which nothing happens proves nothing.
  expect(totals.committed / seeds.length).toBeGreaterThan(30);
  expect(totals.crashes / seeds.length).toBeGreaterThan(2);
  expect(totals.membershipChanges / seeds.length).toBeGreaterThan(1);
  expect(totals.readsAnswered / seeds.length).toBeGreaterThan(1);
  expect(totals.hibernations / seeds.length).toBeGreaterThan(10);
  expect(totals.wakeUps / seeds.length).toBeGreaterThan(5);
}, 120_000);
