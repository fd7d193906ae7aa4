import { type Admin, createClient, type GroupDescription } from "@ropewalk/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { RunningCommand } from "./running-command.ts";
import { waitFor } from "./wait-for.ts";

const partitionCount = 6;
/** Longer than a member may be silent (10 s) before its partitions go to others. */
const takeoverMs = 60_000;
const template = ["-f", "%p %o %v\\n"];

describe("consumer groups", () => {
  let cluster: ProcessCluster;
  let bootstrapServers: readonly string[];

  beforeAll(async () => {
    cluster = await ProcessCluster.start(3);
    ({ bootstrapServers } = cluster);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function run(args: readonly string[], input = ""): Promise<string> {
    const result = await ropewalk(args, { bootstrapServers, input });
    expect({ args, ...result }).toMatchObject({ args, status: 0 });
    return result.stdout.toString();
  }

  async function createTopic(name: string): Promise<void> {
    await run(["topic", "create", name, "-p", String(partitionCount), "-r", "3"]);
  }

  /** Writes records numbered [start, end), dealt to the partitions by their number. */
  async function produce(topic: string, start: number, end: number): Promise<void> {
    const client = createClient({ bootstrapServers });
    try {
      await using producer = client.producer();
      for (let number = start; number < end; number += 1) {
        const value = Buffer.from(String(number));
        producer.write({ topic, partition: number % partitionCount, value });
      }
      await producer.flush();
      expect(producer.statistics.recordsAcknowledged).toBe(end - start);
    } finally {
      await client[Symbol.asyncDispose]();
    }
  }

  test("go on where they stopped, member after member, also after all brokers were killed", async () => {
    await createTopic("resumed");
    await produce("resumed", 0, 100);
    const group = ["consume", "resumed", "-g", "resuming", ...template];
    const first = await run([...group, "--from-beginning", "-n", "40"]);
    // The start offset counts only where nothing is committed.
    const second = await run([...group, "--from-beginning", "-n", "25"]);

    await Promise.all(cluster.brokerIds.map((id) => cluster.kill(id)));
    for (const id of cluster.brokerIds) cluster.spawn(id);
    await cluster.ready();
    expect(await sumOf("resuming", ({ committedOffset }) => committedOffset)).toBe(65);
    const third = await run([...group, "--from-beginning", "-e"]);
    expect(await sumOf("resuming", ({ lag }) => lag)).toBe(0);
    await produce("resumed", 100, 110);
    expect(await sumOf("resuming", ({ lag }) => lag)).toBe(10);
    const fourth = await run([...group, "-e"]);

    const parts = [first, second, third, fourth].map(linesOf);
    expect(parts.map((lines) => lines.length)).toEqual([40, 25, 35, 10]);
    const numbers = parts.flat().map(({ value }) => Number(value));
    const all = Array.from({ length: 110 }, (_, number) => number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(all);
    expectOrdered(parts.flat());
  });

  test("share partitions, and those of a member that is killed are taken over", async () => {
    await createTopic("shared");
    const client = createClient({ bootstrapServers });
    const watch = new CommitWatch(client.admin(), "team");
    const members: RunningCommand[] = [];
    const join = (): RunningCommand => {
      const args = ["consume", "shared", "-g", "team", "--from-beginning", ...template];
      const member = RunningCommand.ropewalk(args, { bootstrapServers });
      members.push(member);
      return member;
    };
    const untilDelivered = (count: number, among: readonly RunningCommand[]): Promise<void> =>
      waitFor(
        () => `${count} records are delivered, not ${distinct(among)}; ${watch.told()}`,
        takeoverMs,
        () => distinct(among) >= count,
      );
    try {
      const [victim, second, third] = [join(), join(), join()];
      await watch.until("each reads two partitions", (group) => isShared(group, [2, 2, 2]));
      await produce("shared", 0, 3000);
      await untilDelivered(3000, members);
      const readBy = members.map(partitionsOf);
      expect(readBy.map(({ size }) => size)).toEqual([2, 2, 2]);

      victim.signal("SIGKILL");
      await victim.ended;
      await produce("shared", 3000, 6000);
      await watch.until("two read three each", (group) => isShared(group, [3, 3]));
      await untilDelivered(6000, members);
      const takenOver = [second, third].flatMap((member) => linesOf(member.stdout.toString()));
      for (const partition of readBy[0] ?? []) {
        expect(
          takenOver.filter((line) => line.partition === partition).length,
        ).toBeGreaterThanOrEqual(500);
      }

      await leave(second);
      await watch.until("one reads all six", (group) => isShared(group, [6]));
      const before = linesOf(third.stdout.toString()).length;
      await produce("shared", 6000, 7200);
      await untilDelivered(7200, members);
      await watch.until(
        "nothing is left to read",
        ({ offsets }) => offsets.length === partitionCount && offsets.every(({ lag }) => lag === 0),
      );
      // Whoever leaves commits first: nothing of what it had read comes again.
      expect(linesOf(third.stdout.toString()).length - before).toBe(1200);

      const listed = JSON.parse(await run(["group", "list", "--format", "json"])) as unknown[];
      expect(listed).toContainEqual({ groupId: "team", state: "STABLE", memberCount: 1 });
      const described = await run(["group", "describe", "team"]);
      expect(described).toMatch(/^lag +0$/m);
      expect(described.match(/^shared +\d +1200 +1200 +0 +\S+/gm)).toHaveLength(partitionCount);

      await leave(third);
      await watch.until(
        "nobody is left",
        ({ members: left, state }) => left.length === 0 && state === "EMPTY",
      );
      expect(watch.regressions).toEqual([]);
    } finally {
      for (const member of members) await member[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    }
  });

  test("go on when their coordinator is killed: nothing is missed, and no commit is lost", async () => {
    await createTopic("bereft");
    const client = createClient({ bootstrapServers });
    const watch = new CommitWatch(client.admin(), "bereft-team");
    const args = ["consume", "bereft", "-g", "bereft-team", "--from-beginning", ...template];
    const members = [0, 1].map(() => RunningCommand.ropewalk(args, { bootstrapServers }));
    try {
      await watch.until("each reads three partitions", (group) => isShared(group, [3, 3]));
      const victim = watch.coordinatorId;
      await cluster.kill(victim);
      await produce("bereft", 0, 1200);
      await waitFor(
        () => `all is delivered, not ${distinct(members)}; ${watch.told()}`,
        takeoverMs,
        () => distinct(members) === 1200,
      );
      await watch.until(
        "everything is committed at another coordinator",
        ({ coordinatorId, offsets }) =>
          coordinatorId !== victim &&
          offsets.length === partitionCount &&
          offsets.every(({ committedOffset }) => committedOffset === 200),
      );
      cluster.spawn(victim);
      await cluster.ready();
      for (const member of members) await leave(member);
      expect(watch.regressions).toEqual([]);
      for (const member of members) expect(member.stderr).toBe("");
    } finally {
      for (const member of members) await member[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    }
  });

  /** Over all partitions in which the group has committed something; NaN where it is not known. */
  async function sumOf(
    groupId: string,
    field: (offset: GroupDescription["offsets"][number]) => number | null,
  ): Promise<number> {
    const described = await run(["group", "describe", groupId, "--format", "json"]);
    const { offsets } = JSON.parse(described) as GroupDescription;
    return offsets.reduce((sum, offset) => sum + (field(offset) ?? Number.NaN), 0);
  }
});

/** Looks at a group again and again, and holds it to its word that what was committed stays committed. */
class CommitWatch {
  readonly regressions: string[] = [];
  readonly #admin: Admin;
  readonly #groupId: string;
  readonly #committed = new Map<number, number>();
  #last: GroupDescription | undefined;

  constructor(admin: Admin, groupId: string) {
    this.#admin = admin;
    this.#groupId = groupId;
  }

  async until(what: string, condition: (group: GroupDescription) => boolean): Promise<void> {
    await waitFor(
      () => `${what}; ${this.told()}`,
      takeoverMs,
      async () => {
        const group = await this.#look();
        return group !== undefined && condition(group);
      },
    );
  }

  get coordinatorId(): number {
    return this.#last?.coordinatorId ?? 0;
  }

  told(): string {
    return `the group was last seen as ${JSON.stringify(this.#last)}`;
  }

  async #look(): Promise<GroupDescription | undefined> {
    // There is no such group before its first member joins.
    const group = await this.#admin.describeGroup(this.#groupId).catch(() => undefined);
    for (const { partition, committedOffset } of group?.offsets ?? []) {
      const before = this.#committed.get(partition) ?? 0;
      const now = committedOffset ?? 0;
      if (now < before) this.regressions.push(`partition ${partition}: ${before} to ${now}`);
      this.#committed.set(partition, now);
    }
    this.#last = group ?? this.#last;
    return group;
  }
}

interface Delivered {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/** What a member has printed; a line that is still being written does not count. */
function linesOf(printed: string): Delivered[] {
  return printed
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [partition, offset, value = ""] = line.split(" ");
      return { partition: Number(partition), offset: Number(offset), value };
    });
}

function partitionsOf(member: RunningCommand): Set<number> {
  return new Set(linesOf(member.stdout.toString()).map(({ partition }) => partition));
}

/** Different records that the members have printed. */
function distinct(members: readonly RunningCommand[]): number {
  const lines = members.flatMap((member) => linesOf(member.stdout.toString()));
  return new Set(lines.map(({ value }) => value)).size;
}

/** Whether the members have so many partitions each, and so all of them. */
function isShared({ members, state }: GroupDescription, counts: readonly number[]): boolean {
  const assigned = members.map(({ assignment }) =>
    assignment.reduce((sum, { partitions }) => sum + partitions.length, 0),
  );
  return state === "STABLE" && assigned.toSorted((a, b) => a - b).join() === counts.join();
}

function expectOrdered(lines: readonly Delivered[]): void {
  const next = new Map<number, number>();
  for (const { offset, partition } of lines) {
    expect({ partition, offset }).toEqual({ partition, offset: next.get(partition) ?? 0 });
    next.set(partition, offset + 1);
  }
}

/** Ctrl-C. */
async function leave(member: RunningCommand): Promise<void> {
  member.signal("SIGINT");
  expect({ status: await member.ends(), stderr: member.stderr }).toEqual({ status: 0, stderr: "" });
}
