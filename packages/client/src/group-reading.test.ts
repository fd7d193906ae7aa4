import { clusterService, groupService, RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { until } from "../fakes/condition.ts";
import { FakeGroup } from "../fakes/fake-group.ts";
import { FakeLog } from "../fakes/fake-log.ts";
import { FetchServer } from "../fakes/fetch-server.ts";
import { metadataOf, ScriptedBroker } from "../fakes/scripted-broker.ts";
import { seededRandom } from "../fakes/seeded-random.ts";
import type { Consumer } from "./consumer.ts";
import { createClient } from "./create-client.ts";

interface Scene extends AsyncDisposable {
  readonly broker: ScriptedBroker;
  readonly group: FakeGroup;
  readonly logs: readonly FakeLog[];
  readonly server: FetchServer;
}

/** A coordinator and a topic of so many partitions with 20 records each, five a batch. */
async function setScene(partitionCount: number): Promise<Scene> {
  const broker = await ScriptedBroker.start(1);
  const logs = Array.from({ length: partitionCount }, () => new FakeLog());
  for (const log of logs)
    for (let batch = 0; batch < 4; batch++) log.write("a", "b", "c", "d", "e");
  const server = new FetchServer((_topic, partition) => logs[partition]);
  broker.onFetch = server.serve;
  broker.on(clusterService.getMetadata, () =>
    metadataOf(
      [broker],
      "t",
      logs.map(() => 1),
    ),
  );
  const group = new FakeGroup(partitionCount);
  group.serve(broker);
  return {
    broker,
    group,
    logs,
    server,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

async function readInto(
  consumer: Consumer,
  seen: string[],
  countMax = Number.POSITIVE_INFINITY,
): Promise<void> {
  for await (const { partition, offset } of consumer) {
    seen.push(`${partition}:${offset}`);
    if (seen.length >= countMax) break;
  }
}

describe("Consumer in a group", () => {
  test("Consumer reads what it is assigned, commits at the end and leaves", async () => {
    await using scene = await setScene(2);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", exitAtEnd: true });
    const seen: string[] = [];
    await readInto(consumer, seen);
    await consumer.close();
    expect(new Set(seen).size).toBe(40);
    expect([...scene.group.committed].toSorted(([one], [other]) => one - other)).toEqual([
      [0, 20],
      [1, 20],
    ]);
    expect(scene.group.left.length).toBe(1);
  });

  test("Consumer starts where the group left off, and at its default elsewhere", async () => {
    await using scene = await setScene(2);
    scene.group.committed.set(1, 17);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({
      topic: "t",
      group: "g",
      exitAtEnd: true,
      from: { offset: 19 },
    });
    const seen: string[] = [];
    await readInto(consumer, seen);
    expect(seen.toSorted()).toEqual(["0:19", "1:17", "1:18", "1:19"]);
  });

  test("Consumer commits on its own only what the application asked to go on from", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g" });
    await readInto(consumer, [], 8);
    await consumer.close();
    expect(scene.group.committed.get(0)).toBe(7);
  });

  test("Consumer.commit() commits everything that was handed out, or the offsets that are given", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommit: false });
    await readInto(consumer, [], 8);
    await consumer.commit();
    expect(scene.group.committed.get(0)).toBe(8);
    await consumer.commit([{ topic: "t", partition: 0, offset: 3 }]);
    await consumer.close();
    expect(scene.group.committed.get(0)).toBe(3);
  });

  test("Consumer.commit() outside of a group is refused", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t" });
    await expect(consumer.commit()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  test("Consumer commits again and again while it reads", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommitIntervalMs: 10 });
    const reading = readInto(consumer, []);
    await until(() => scene.group.committed.get(0) === 20, "everything is committed");
    await consumer.close();
    await reading;
  });

  test("Consumer gives partitions up to a second member, which goes on where the first one was", async () => {
    await using scene = await setScene(4);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const first = client.consumer({ topic: "t", group: "g" });
    const seen: string[] = [];
    const firstReading = readInto(first, seen);
    await until(() => seen.length === 80, "the first member has read everything");
    const second = client.consumer({ topic: "t", group: "g" });
    const secondReading = readInto(second, seen);
    await until(
      () => [...scene.group.members.values()].every(({ owned }) => owned.length === 2),
      "both own two",
    );
    for (const log of scene.logs) log.write("f");
    scene.server.pump();
    await until(() => seen.length >= 84, "the new records are read");
    await Promise.all([first.close(), second.close()]);
    await Promise.all([firstReading, secondReading]);
    expect(seen.length).toBe(84);
    expect(new Set(seen).size).toBe(84);
    expect([...scene.group.committed.values()]).toEqual([21, 21, 21, 21]);
  });

  test("Consumer joins again when the coordinator has forgotten it", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommitIntervalMs: 10 });
    const seen: string[] = [];
    const reading = readInto(consumer, seen);
    await until(() => scene.group.committed.get(0) === 20, "everything is committed");
    const [memberId] = scene.group.members.keys();
    scene.group.forget(memberId ?? "");
    await until(() => scene.group.members.has(memberId ?? ""), "the member is back");
    scene.logs[0]?.write("f");
    scene.server.pump();
    await until(() => seen.at(-1) === "0:20", "the new record is read");
    await consumer.close();
    await reading;
    expect(seen.length).toBe(21);
  });

  test("Consumer.commit() refuses positions() of before the partition was given up, though it came back", async () => {
    await using scene = await setScene(1);
    const { group } = scene;
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommit: false });
    await readInto(consumer, [], 8);
    const before = consumer.positions();
    const [{ grant } = {}] = before;
    await consumer.commit(before);
    expect(group.committed.get(0)).toBe(8);

    const [memberId = ""] = group.members.keys();
    group.forget(memberId);
    group.committed.set(0, 12); // Where another member was when it left.
    await until(() => {
      const [position] = consumer.positions();
      return position !== undefined && position.grant !== grant;
    }, "it reads the partition again");
    await expect(consumer.commit(before)).rejects.toMatchObject({ code: "FENCED_MEMBER_EPOCH" });
    expect(group.committed.get(0)).toBe(12);
    await consumer.commit(consumer.positions());
    expect(group.committed.get(0)).toBeGreaterThanOrEqual(12);
    await consumer.close();
  });

  test("Consumer.commit() of offsets that somebody gives waits for the member to join", async () => {
    await using scene = await setScene(1);
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommit: false });
    const ready = consumer.ready();
    await consumer.commit([{ topic: "t", partition: 0, offset: 3 }]);
    expect(scene.group.committed.get(0)).toBe(3);
    await ready;
    await consumer.close();
  });

  test("Consumer.close() commits also where a partition is about to be given up", async () => {
    await using scene = await setScene(2);
    const { broker, group } = scene;
    await using client = createClient({ bootstrapServers: [broker.address] });
    const consumer = client.consumer({ topic: "t", group: "g", autoCommitIntervalMs: 60_000 });
    const done = new Map<number, number>();
    for await (const { offset, partition } of consumer) {
      if (done.size === 2) {
        // Another member is to have the partition whose record is in hand: with it, nothing is given up.
        group.members.set(partition === 0 ? "!" : "~", { epoch: 1, owned: [] });
        const beats = group.ownedSeen.length;
        await until(() => group.ownedSeen.length > beats, "the consumer hears of it");
        await consumer.close();
        break;
      }
      done.set(partition, offset + 1);
    }
    expect(new Map(group.committed)).toEqual(done);
  });

  for (const seed of [1, 2, 3]) {
    test(`Consumer.close() and newcomers lose nothing, and commit nothing that was not handed out (seed ${seed})`, async () => {
      await using scene = await setScene(4);
      await using client = createClient({ bootstrapServers: [scene.broker.address] });
      const random = seededRandom(seed);
      const seen: string[] = [];
      const open: { readonly consumer: Consumer; readonly reading: Promise<void> }[] = [];
      for (let round = 0; round < 15; round++) {
        if (open.length < 2 || (open.length < 4 && random() < 0.5)) {
          const consumer = client.consumer({ topic: "t", group: "g", autoCommitIntervalMs: 15 });
          open.push({ consumer, reading: readInto(consumer, seen) });
        } else {
          const [leaver] = open.splice(Math.floor(random() * open.length), 1);
          await leaver?.consumer.close();
          await leaver?.reading;
        }
        if (random() < 0.2) scene.group.forget([...scene.group.members.keys()][0] ?? "");
        for (const log of scene.logs) log.write("more", "and more");
        scene.server.pump();
        const pauseEnd = performance.now() + random() * 60;
        await until(() => performance.now() > pauseEnd, "a while has passed");
      }
      const expected = scene.logs.flatMap((log, partition) =>
        Array.from({ length: log.endOffset }, (_, offset) => `${partition}:${offset}`),
      );
      await until(() => expected.every((name) => seen.includes(name)), "every record was read");
      for (const { consumer } of open) await consumer.close();
      await Promise.all(open.map(({ reading }) => reading));
      expect(seen.filter((name) => !expected.includes(name))).toEqual([]);
      for (const [partition, log] of scene.logs.entries()) {
        expect(scene.group.committed.get(partition)).toBe(log.endOffset);
      }
    });
  }

  test("Consumer waits while there is no coordinator, and ends when the group's name is refused", async () => {
    await using scene = await setScene(1);
    let beats = 0;
    scene.broker.on(groupService.heartbeat, () => {
      beats++;
      if (beats < 3)
        throw new RopewalkError("COORDINATOR_NOT_AVAILABLE", "an election is under way");
      throw new RopewalkError("INVALID_GROUP_ID", "not a name");
    });
    await using client = createClient({ bootstrapServers: [scene.broker.address] });
    const consumer = client.consumer({ topic: "t", group: "" });
    await expect(readInto(consumer, [])).rejects.toMatchObject({ code: "INVALID_GROUP_ID" });
    expect(beats).toBe(3);
  });
});
