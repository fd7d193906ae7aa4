import {
  clusterService,
  fetchService,
  groupService,
  RopewalkError,
  topicService,
} from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { metadataOf, ScriptedBroker } from "../fakes/scripted-broker.ts";
import { createClient } from "./create-client.ts";

const topic = { name: "t", topicId: "id", internal: false, configs: new Map() };

function summary(name: string): { name: string; topicId: string; partitionCount: number } {
  return { name, topicId: name, partitionCount: 1 };
}

describe("Admin", () => {
  test("Admin.createTopic() answers the topic as it was made", async () => {
    await using broker = await ScriptedBroker.start(1);
    broker.on(topicService.createTopic, ({ name, configs, partitionCount }) => ({
      topic: {
        ...topic,
        name,
        configs,
        partitions: Array.from({ length: partitionCount }, (_, partition) => ({ partition })),
      },
    }));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const made = await client
      .admin()
      .createTopic({ name: "t", partitionCount: 2, configs: { "max.message.bytes": "9" } });
    expect(made).toMatchObject({ name: "t", configs: { "max.message.bytes": "9" } });
    expect(made.partitions.length).toBe(2);
  });

  test("Admin.createTopic() tries again after a failure that says that nothing happened", async () => {
    await using broker = await ScriptedBroker.start(1);
    let attempts = 0;
    broker.on(topicService.createTopic, () => {
      if (++attempts < 3) throw new RopewalkError("NOT_CONTROLLER", "an election is under way");
      return { topic };
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    await client.admin().createTopic({ name: "t" });
    expect(attempts).toBe(3);
  });

  test("Admin.createTopic() does not try again when it may have happened", async () => {
    await using broker = await ScriptedBroker.start(1);
    let attempts = 0;
    broker.on(topicService.createTopic, () => {
      attempts++;
      throw new RopewalkError("UNKNOWN_OUTCOME", "the controller is gone");
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    const outcome = client.admin().createTopic({ name: "t" });
    await expect(outcome).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME", outcome: "indefinite" });
    expect(attempts).toBe(1);
  });

  test("Admin passes on the broker's error with its code and message", async () => {
    await using broker = await ScriptedBroker.start(1);
    broker.on(topicService.describeTopic, () => {
      throw new RopewalkError(
        "UNKNOWN_TOPIC_OR_PARTITION",
        "Cannot describe topic t: it does not exist",
      );
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    const outcome = client.admin().describeTopic("t");
    await expect(outcome).rejects.toMatchObject({
      code: "UNKNOWN_TOPIC_OR_PARTITION",
      message: "Cannot describe topic t: it does not exist",
    });
  });

  test("Admin.listTopics() follows the pages", async () => {
    await using broker = await ScriptedBroker.start(1);
    const pages: Record<string, { topics: ReturnType<typeof summary>[]; nextPageToken: string }> = {
      "": { topics: [summary("a"), summary("b")], nextPageToken: "2" },
      "2": { topics: [summary("c")], nextPageToken: "" },
    };
    broker.on(topicService.listTopics, ({ pageToken }) => pages[pageToken] ?? {});
    await using client = createClient({ bootstrapServers: [broker.address] });
    const topics = await client.admin().listTopics();
    expect(topics.map(({ name }) => name)).toEqual(["a", "b", "c"]);
  });

  test("Admin asks the next server when one cannot be reached", async () => {
    await using dead = await ScriptedBroker.start(1);
    await using broker = await ScriptedBroker.start(2);
    broker.on(clusterService.describeCluster, () => ({ clusterId: "c" }));
    dead.kill();
    for (let repetition = 0; repetition < 4; repetition++) {
      await using client = createClient({ bootstrapServers: [dead.address, broker.address] });
      expect((await client.admin().describeCluster()).clusterId).toBe("c");
    }
  });

  test("Admin gives up at its deadline when nobody can be reached, and says that nothing happened", async () => {
    await using dead = await ScriptedBroker.start(1);
    dead.kill();
    await using client = createClient({ bootstrapServers: [dead.address] });
    const outcome = client.admin({ timeoutMs: 200 }).createTopic({ name: "t" });
    await expect(outcome).rejects.toMatchObject({
      code: "LEADER_NOT_AVAILABLE",
      outcome: "definite",
    });
  });

  test("Admin gives up at its deadline when the broker does not answer", async () => {
    await using broker = await ScriptedBroker.start(1);
    broker.on(topicService.deleteTopic, () => new Promise<never>(() => {}));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const outcome = client.admin({ timeoutMs: 100 }).deleteTopic("t");
    await expect(outcome).rejects.toMatchObject({
      code: "REQUEST_TIMED_OUT",
      outcome: "indefinite",
    });
  });

  test("Admin.describeGroup() computes the lag, from ends that it asks for where it must", async () => {
    await using broker = await ScriptedBroker.start(1);
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", [1, 1, 1]));
    broker.on(topicService.describeTopic, () => ({
      topic: { ...topic, partitions: [{ partition: 2 }] },
    }));
    broker.on(fetchService.listOffsets, () => ({
      offsets: [{ partition: 2, offset: 20, highWatermark: 20 }],
    }));
    broker.on(groupService.describeGroup, ({ groupId }) => ({
      groupId,
      state: "STABLE" as const,
      offsets: [
        { topic: "t", partition: 0, committedOffset: 7, highWatermark: 10 },
        { topic: "t", partition: 1, committedOffset: -1, highWatermark: 10 },
        { topic: "t", partition: 2, committedOffset: 15, highWatermark: -1 },
      ],
    }));
    await using client = createClient({ bootstrapServers: [broker.address] });
    const { offsets, state } = await client.admin().describeGroup("g");
    expect(state).toBe("STABLE");
    expect(offsets.map(({ lag }) => lag)).toEqual([3, null, 5]);
  });

  test("Admin.commitGroupOffsets() commits from outside of the group", async () => {
    await using broker = await ScriptedBroker.start(1);
    const requests: object[] = [];
    broker.on(groupService.commitOffsets, (request) => {
      requests.push(request);
      return {};
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    await client.admin().commitGroupOffsets("g", [{ topic: "t", partition: 1, offset: 5 }]);
    const offsets = [{ topic: "t", partition: 1, offset: 5, metadata: "" }];
    expect(requests).toEqual([{ groupId: "g", memberId: "", memberEpoch: -1, offsets }]);
  });

  test("Admin.listOffsets() asks every leader, and the new one when one has moved", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    let moved = false;
    for (const broker of [one, two]) {
      broker.on(clusterService.getMetadata, () =>
        metadataOf([one, two], "t", [1, moved ? 1 : 2], moved ? 2 : 1),
      );
      broker.on(topicService.describeTopic, () => ({
        topic: { ...topic, partitions: [{ partition: 0 }, { partition: 1 }] },
      }));
    }
    one.on(fetchService.listOffsets, ({ partitions }) => ({
      offsets: partitions.map((partition) => ({
        partition,
        offset: 10 + partition,
        highWatermark: 20,
        logStartOffset: 0,
      })),
    }));
    two.on(fetchService.listOffsets, ({ partitions }) => {
      moved = true;
      return {
        offsets: partitions.map((partition) => ({
          partition,
          error: { code: "NOT_LEADER" as const },
        })),
      };
    });
    await using client = createClient({ bootstrapServers: [one.address] });
    const offsets = await client.admin().listOffsets("t", "latest");
    expect(offsets.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 10],
      [1, 11],
    ]);
  });

  test("Admin.deleteRecords() asks every leader, and the new one when one has moved", async () => {
    await using one = await ScriptedBroker.start(1);
    await using two = await ScriptedBroker.start(2);
    let moved = false;
    for (const broker of [one, two]) {
      broker.on(clusterService.getMetadata, () =>
        metadataOf([one, two], "t", [1, moved ? 1 : 2], moved ? 2 : 1),
      );
    }
    one.on(topicService.deleteRecords, ({ offsets }) => ({
      starts: offsets.map(({ offset, partition }) => ({ partition, logStartOffset: offset })),
    }));
    two.on(topicService.deleteRecords, ({ offsets }) => {
      moved = true;
      const error = { code: "NOT_LEADER" as const };
      return { starts: offsets.map(({ partition }) => ({ partition, error })) };
    });
    await using client = createClient({ bootstrapServers: [one.address] });
    const offsets = [
      { partition: 1, offset: 7 },
      { partition: 0, offset: 5 },
    ];
    expect(await client.admin().deleteRecords({ topic: "t", offsets })).toEqual([
      { partition: 0, logStartOffset: 5 },
      { partition: 1, logStartOffset: 7 },
    ]);
  });

  test("Admin.deleteRecords() repeats what may have happened for an offset, not for the latest", async () => {
    await using broker = await ScriptedBroker.start(1);
    broker.on(clusterService.getMetadata, () => metadataOf([broker], "t", [1]));
    const asked: number[] = [];
    broker.on(topicService.deleteRecords, ({ offsets: [first] }) => {
      asked.push(first?.offset ?? 0);
      if (asked.length === 1) return { starts: [{ error: { code: "UNKNOWN_OUTCOME" as const } }] };
      if (asked.length === 2) return { starts: [{ logStartOffset: 5 }] };
      return { starts: [{ error: { code: "UNKNOWN_OUTCOME" as const } }] };
    });
    await using client = createClient({ bootstrapServers: [broker.address] });
    const cut = (offset: number | "latest") =>
      client.admin().deleteRecords({ topic: "t", offsets: [{ partition: 0, offset }] });
    expect(await cut(5)).toEqual([{ partition: 0, logStartOffset: 5 }]);
    await expect(cut("latest")).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
    expect(asked).toEqual([5, 5, -1]);
  });

  test("Admin.deleteRecords() refuses what is no offset, and a partition that is named twice", async () => {
    await using client = createClient({ bootstrapServers: ["127.0.0.1:1"] });
    const cut = (...offsets: { partition: number; offset: number }[]) =>
      client.admin().deleteRecords({ topic: "t", offsets });
    for (const offset of [-1, 1.5, Number.NaN]) {
      await expect(cut({ partition: 0, offset })).rejects.toMatchObject({
        code: "OFFSET_OUT_OF_RANGE",
      });
    }
    const zero = { partition: 0, offset: 1 };
    await expect(cut(zero, zero)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });
});
