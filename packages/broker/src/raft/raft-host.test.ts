import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogStore } from "@ropewalk/log";
import { batchBaseOffset, batchLeaderEpoch, batchNextOffset } from "@ropewalk/protocol";
import { type Disk, type DiskFile, type Runtime, WriteThroughFile } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { createMessage } from "raft-ts";
import { describe, expect, test } from "vitest";
import { defaultBrokerLimits } from "../config.ts";
import { commandOf, encodeCommandBatch } from "./command-entry.ts";
import { RaftGroup } from "./raft-group.ts";
import { type GroupMessage, RaftHost } from "./raft-host.ts";
import type { StateImage } from "./state-image.ts";
import type { Leadership, StateMachine } from "./state-machine.ts";

const key = { groupId: 9, incarnation: 4 };
const limits = { ...defaultBrokerLimits, tickMs: 5, hibernateAfterTicks: 40 };

/** A machine that remembers the commands it was given. */
class Journalist implements StateMachine {
  appliedIndex = 0;

  takeImage(): StateImage {
    return { prefixes: [], pairs: [] };
  }

  readonly restoredIndex = 0;
  readonly commands: string[] = [];
  readonly offsets: number[] = [];
  leadership: Leadership = { kind: "following", term: 0, leaderId: 0 };

  apply(entry: Parameters<StateMachine["apply"]>[0]): void {
    const command = commandOf(entry);
    if (command === undefined) return;
    this.commands.push(new TextDecoder().decode(command));
    this.offsets.push(batchNextOffset(entry.data));
  }

  leadershipChanged(leadership: Leadership): void {
    this.leadership = leadership;
  }

  takeChanges(): [] {
    return [];
  }
}

interface Member {
  readonly host: RaftHost;
  readonly group: RaftGroup;
  readonly machine: Journalist;
  readonly store: LogStore;
}

/** Hosts in one process, with real journals, that hand each other messages in turns of their own. */
class Trio {
  readonly directory = mkdtempSync(join(tmpdir(), "ropewalk-raft-host-"));
  readonly members = new Map<number, Member>();
  readonly #runtime: Runtime = nodeRuntime({ log: { level: "silent" } });
  /** So long each flush takes beyond what the disk needs. */
  flushMs = 0;
  /** Decides on every message on its way. */
  drop: (from: number, to: number, message: GroupMessage) => boolean = () => false;
  /** Brokers that nothing goes to or comes from. */
  readonly cutOff = new Set<number>();
  /** Who sent snapshots that were not in the log yet. */
  readonly snapshotsFrom: number[] = [];
  #startCount = 0;

  async start(id: number): Promise<Member> {
    const { clock, logger, random } = this.#runtime;
    const disk = this.#slowDisk();
    const store = await LogStore.open({
      disk,
      clock,
      logger,
      directory: join(this.directory, String(id)),
    });
    const host = new RaftHost({
      brokerId: id,
      epoch: (this.#startCount += 1),
      clock,
      random,
      logger,
      store,
      limits,
      sender: {
        send: (to, group, message) => {
          clock.defer(() => {
            const isLost = this.cutOff.has(id) || this.cutOff.has(to);
            if (!isLost && !this.drop(id, to, { group, message })) {
              void this.members.get(to)?.host.receive(id, [{ group, message }]);
            }
          });
        },
        sendBatch: (batch) => {
          clock.defer(() => {
            if (this.cutOff.has(id) || this.cutOff.has(batch.to)) return;
            void this.members.get(batch.to)?.host.receive(id, [], [batch]);
          });
        },
        flush: () => undefined,
      },
      snapshotArrived: (from) => void this.snapshotsFrom.push(from),
      storageFailed: (error) => {
        throw error;
      },
    });
    const machine = new Journalist();
    const group = new RaftGroup({
      brokerId: id,
      clock,
      logger,
      log: store.group(key) ?? store.createGroup(key),
      machine,
      voters: [1, 2, 3],
      learners: [],
      limits,
      damaged: (_group, error) => {
        throw error;
      },
    });
    const member = { host, group, machine, store };
    this.members.set(id, member);
    host.add(group);
    return member;
  }

  #slowDisk(): Disk {
    const { clock, disk } = this.#runtime;
    const slow = (file: DiskFile): DiskFile => {
      const datasync = async (): Promise<void> => {
        if (this.flushMs > 0)
          await new Promise<void>((resolve) => void clock.setTimer(this.flushMs, resolve));
        await file.datasync();
      };
      return new Proxy(file, {
        get: (target, name) => (name === "datasync" ? datasync : bound(target, name)),
      });
    };
    const create: Disk["create"] = async (path) => slow(await disk.create(path));
    const open: Disk["open"] = async (path, access) => {
      if (access !== "write-through") return slow(await disk.open(path, access));
      return new WriteThroughFile(slow(await disk.open(path, "read-write")));
    };
    const changed = new Map<string | symbol, unknown>(Object.entries({ create, open }));
    return new Proxy(disk, {
      get: (target, name) => changed.get(name) ?? bound(target, name),
    });
  }

  async stop(id: number): Promise<void> {
    const member = this.members.get(id);
    this.members.delete(id);
    await member?.host.stop();
    await member?.store.close();
  }

  async leader(): Promise<Member> {
    const leading = (): Member | undefined =>
      [...this.members.values()].find(({ machine }) => machine.leadership.kind === "leading");
    await expect.poll(() => leading() !== undefined, { timeout: 10_000 }).toBe(true);
    const leader = leading();
    if (leader === undefined) throw new Error("the leader went away");
    return leader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.members.keys()]) await this.stop(id);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? value.bind(target) : value;
}

async function startTrio(): Promise<Trio> {
  const trio = new Trio();
  for (const id of [1, 2, 3]) await trio.start(id);
  return trio;
}

function propose({ group }: Member, command: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const proposed = group.propose(encodeCommandBatch(new TextEncoder().encode(command), 1), 1, {
    committed: () => resolve("committed"),
    failed: resolve,
  });
  return proposed.kind === "appended" ? promise : Promise.resolve(proposed.kind);
}

describe("RaftHost", () => {
  test("commits proposals on every member, in one order, at contiguous offsets", async () => {
    await using trio = await startTrio();
    const leader = await trio.leader();
    const commands = Array.from({ length: 200 }, (_, i) => `command ${i}`);
    const outcomes = await Promise.all(commands.map((command) => propose(leader, command)));
    expect(new Set(outcomes)).toEqual(new Set(["committed"]));
    for (const { machine } of trio.members.values()) {
      await expect.poll(() => machine.commands).toEqual(commands);
      expect(machine.offsets).toEqual(commands.map((_, i) => i + 1));
    }
    expect(leader.host.counters.writes).toBeLessThan(100); // Many proposals share a write.
  });

  test("gives batches their offset and term, which internal entries do not use up", async () => {
    await using trio = await startTrio();
    const leader = await trio.leader();
    await propose(leader, "first");
    await trio.stop(1);
    const next = await trio.leader();
    await propose(next, "second");
    const batches = await next.group.log.read(0, 2, 1e6);
    expect(batches.map((batch) => batchBaseOffset(batch))).toEqual([0, 1]);
    expect(batchLeaderEpoch(batches[1] ?? new Uint8Array())).toBe(next.group.term);
    expect(next.group.term).toBeGreaterThan(1);
  });

  test("has a leader though every flush takes longer than the longest election timeout", async () => {
    await using trio = await startTrio();
    await trio.leader();
    trio.flushMs = 3 * limits.electionTicks * limits.tickMs;
    await trio.stop(
      [...trio.members].find(([, each]) => each.machine.leadership.kind === "leading")?.[0] ?? 0,
    );
    const next = await trio.leader();
    expect(await propose(next, "slow")).toBe("committed");
    trio.flushMs = 0;
  }, 30_000);

  test("hands over snapshots that hold what the log lacks, and steps all others", async () => {
    await using trio = await startTrio();
    const leader = await trio.leader();
    await propose(leader, "first");
    const [followerId, follower] =
      [...trio.members].find(([, { machine }]) => machine.leadership.kind !== "leading") ?? [];
    if (follower === undefined || followerId === undefined) throw new Error("nobody follows");
    await expect.poll(() => follower.machine.commands).toEqual(["first"]);
    const [leaderId = 0] = [...trio.members].find(([, member]) => member === leader) ?? [];
    const deliver = (index: number, term: number, voters = [1, 2, 3]): void => {
      const confState = { ...leader.group.confState, voters };
      const snapshot = { index, term, confState, data: new Uint8Array(0) };
      const message = { ...createMessage("MsgSnap", followerId), from: leaderId, term, snapshot };
      void follower.host.receive(leaderId, [{ group: key, message }]);
    };
    const { term } = leader.group;
    deliver(1, term); // It is committed.
    deliver(99, term - 1);
    deliver(
      99,
      term,
      [1, 2, 3].filter((id) => id !== followerId),
    );
    expect(trio.snapshotsFrom).toEqual([]);
    deliver(99, term);
    expect(trio.snapshotsFrom).toEqual([leaderId]);
    expect(await propose(leader, "second")).toBe("committed");
  });

  test("refuses proposals where it does not lead", async () => {
    await using trio = await startTrio();
    await trio.leader();
    const follower = [...trio.members.values()].find(
      ({ machine }) => machine.leadership.kind !== "leading",
    );
    if (follower !== undefined) expect(await propose(follower, "x")).toBe("notLeading");
  });

  test("says that a proposal's fate is unknown when a leader is cut off, and lets another lead", async () => {
    await using trio = await startTrio();
    const old = await trio.leader();
    const oldId = [...trio.members].find(([, member]) => member === old)?.[0];
    trio.cutOff.add(oldId ?? 0);
    expect(await propose(old, "cut off")).toBe("unknown");
    const next = await trio.leader();
    expect(await propose(next, "later")).toBe("committed");
    trio.cutOff.clear();
    await expect.poll(() => old.machine.commands).toEqual(["later"]);
  });

  test("drops a damaged batch on its way and commits it all the same when it comes again", async () => {
    await using trio = await startTrio();
    const leader = await trio.leader();
    let damaged = 0;
    trio.drop = (_from, to, { group, message }) => {
      const [entry] = message.entries;
      if (to === 1 || entry === undefined || entry.data.length === 0 || damaged >= 5) return false;
      damaged += 1;
      const data = Uint8Array.from(entry.data);
      data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
      const entries = [{ ...entry, data }, ...message.entries.slice(1)];
      void trio.members
        .get(to)
        ?.host.receive(message.from, [{ group, message: { ...message, entries } }]);
      return true;
    };
    expect(await propose(leader, "whole")).toBe("committed");
    for (const { machine } of trio.members.values()) {
      await expect.poll(() => machine.commands).toEqual(["whole"]);
    }
  });

  test("brings a member back to the same state from its own journal and the others", async () => {
    await using trio = await startTrio();
    await propose(await trio.leader(), "before");
    await trio.stop(3);
    const leader = await trio.leader();
    await propose(leader, "meanwhile");
    const back = await trio.start(3);
    await expect.poll(() => back.machine.commands).toEqual(["before", "meanwhile"]);
  });

  test("hands leadership over before a planned stop", async () => {
    await using trio = await startTrio();
    const leader = await trio.leader();
    await leader.host.handOver(5000);
    expect(leader.machine.leadership.kind).toBe("following");
    const next = await trio.leader();
    expect(next).not.toBe(leader);
  });

  test("lets an idle group sleep everywhere, without a frame of its own, and wakes it for a proposal", async () => {
    await using trio = await startTrio();
    await propose(await trio.leader(), "before");
    const awake = (): number =>
      [...trio.members.values()].reduce((sum, { host }) => sum + host.awakeCount, 0);
    await expect.poll(awake, { timeout: 10_000 }).toBe(0);
    const { host, machine } = await trio.leader();
    const { visits, ticks } = host.scheduling;
    await expect.poll(() => host.scheduling.ticks, { timeout: 10_000 }).toBeGreaterThan(ticks + 50);
    expect(host.scheduling.visits).toBe(visits);
    expect(machine.leadership.kind).toBe("leading");
    expect(await propose(await trio.leader(), "after")).toBe("committed");
    for (const member of trio.members.values()) {
      await expect.poll(() => member.machine.commands).toEqual(["before", "after"]);
    }
  });

  test("elects another leader for a sleeping group when its leader's process is gone", async () => {
    await using trio = await startTrio();
    const old = await trio.leader();
    await expect.poll(() => old.host.awakeCount, { timeout: 10_000 }).toBe(0);
    const oldId = [...trio.members].find(([, member]) => member === old)?.[0] ?? 0;
    await trio.stop(oldId);
    expect(await propose(await trio.leader(), "after")).toBe("committed");
  });

  test("drops messages for an earlier incarnation of a group", async () => {
    await using trio = await startTrio();
    const { host, group } = await trio.leader();
    const before = host.counters.messagesUnknownGroup;
    const message = { ...probe(), to: 1, from: 2, term: group.term + 50 };
    void host.receive(2, [{ group: { ...key, incarnation: 3 }, message }]);
    expect(host.counters.messagesUnknownGroup).toBe(before + 1);
  });
});

function probe(): GroupMessage["message"] {
  return {
    type: "MsgHeartbeat",
    to: 0,
    from: 0,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: 0,
    responses: [],
  };
}
