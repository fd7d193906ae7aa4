import { describe, expect, test } from "vitest";
import { Prng } from "../../fakes/prng.ts";
import type { PeerBatch } from "./peer-batch.ts";
import { SimulatedProcesses } from "../../fakes/simulated-processes.ts";

const groups = [{ key: { groupId: 1, incarnation: 1 }, voters: [1, 2, 3], learners: [] }];

/** Three nodes that never sleep, and the batches from the leader to one follower. */
class Wiretap {
  readonly world: SimulatedProcesses;
  readonly leaderId: number;
  readonly followerId: number;
  #tapped: PeerBatch[] = [];

  constructor() {
    const random = new Prng(5);
    const options = { hibernateAfterTicks: 0, peerTimeoutTicks: 50 };
    this.world = new SimulatedProcesses({ nodeCount: 3, groups, random, options });
    this.world.roundsUntil("led", 60, () => this.world.isLed);
    this.leaderId = this.world.leader(1)?.nodeId ?? 0;
    this.followerId = (this.leaderId % 3) + 1;
    this.world.fate = (packet) => {
      const isTapped = packet.from === this.leaderId && packet.to === this.followerId;
      if (isTapped && packet.kind === "batch") this.#tapped.push(packet.batch);
      return "delivered";
    };
    for (let round = 0; round < 4; round++) this.round();
  }

  /** One tick; answers how many heartbeats of each form went to the follower. */
  round(): { full: number; light: number; contexts: number[] } {
    this.#tapped = [];
    this.world.round();
    const heartbeats = this.#tapped.flatMap((batch) => batch.heartbeats);
    return {
      full: heartbeats.length,
      light: this.#tapped.flatMap((batch) => batch.lightHeartbeats).length,
      contexts: heartbeats.map(({ context }) => context).filter((context) => context !== 0),
    };
  }
}

describe("heartbeats of an idle, awake group", () => {
  test("are light once nothing changes", () => {
    const tap = new Wiretap();
    expect(tap.round()).toEqual({ full: 0, light: 1, contexts: [] });
    expect(tap.round()).toEqual({ full: 0, light: 1, contexts: [] });
  });

  test("are full once after an entry was committed", () => {
    const tap = new Wiretap();
    tap.world.propose(tap.world.leader(1));
    tap.round();
    expect(tap.round().full).toBe(1);
    expect(tap.round()).toEqual({ full: 0, light: 1, contexts: [] });
  });

  test("are full while a read waits, and carry its context", () => {
    const tap = new Wiretap();
    tap.world.observer.readAsked(77, 1);
    tap.world.leader(1)?.handle?.readIndex(77);
    const { contexts } = tap.round();
    expect(contexts.length).toBeGreaterThan(0);
    expect(tap.world.observer.readsAnswered).toBe(1);
  });

  test("are full again after the follower restarted, and reach it", () => {
    const tap = new Wiretap();
    const follower = tap.world.process(tap.followerId);
    follower.crash(0);
    follower.start();
    tap.round();
    const { full } = tap.round();
    expect(full).toBe(1);
    expect(tap.world.replicas(1)[tap.followerId - 1]?.handle?.leaderId).toBe(tap.leaderId);
  });

  test("are full again after answers were lost", () => {
    const tap = new Wiretap();
    tap.world.cut.add(`${tap.followerId}>${tap.leaderId}`);
    tap.round();
    expect(tap.round()).toEqual({ full: 1, light: 0, contexts: [] });
    tap.world.cut.clear();
    tap.round();
    expect(tap.round()).toEqual({ full: 0, light: 1, contexts: [] });
  });
});
