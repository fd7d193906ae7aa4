import { topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";

const deadline = { timeout: 15_000 };

test("a broker whose disk stands still leads nothing, until writes flow again", async () => {
  await using trio = await BrokerTrio.start({ diskStallMs: 600 });
  await trio.createTopic("orders");
  const partition = await trio.partitionOf("orders", 2);
  await trio.lead("orders", partition, 2);
  const leaders = async (): Promise<number[]> => {
    const { topic } = await trio.call(1, topicService.describeTopic, { name: "orders" });
    return topic?.partitions.map(({ leaderId }) => leaderId) ?? [];
  };
  const before = await trio.produce("orders", partition, 3);

  const release = trio.holdFlushes(2);
  // A write that stands still is what is noticed. It is answered, perhaps tried again elsewhere.
  const begun = trio.produce("orders", partition, 1);
  await expect.poll(() => trio.metric(2, "ropewalk_fit_to_lead"), deadline).toBe(0);
  await expect.poll(leaders, deadline).not.toContain(2);
  await expect.poll(leaders, deadline).not.toContain(0);
  expect(await begun).toBeGreaterThan(before);
  const meanwhile = await trio.produce("orders", partition, 2);
  expect(await trio.metric(2, "ropewalk_partitions_led")).toBe(0);
  const elections = await trio.metric(2, "ropewalk_elections_started_total");

  release();
  await expect.poll(() => trio.metric(2, "ropewalk_fit_to_lead"), deadline).toBe(1);
  expect(await trio.metric(2, "ropewalk_elections_started_total")).toBe(elections);
  // It is of use again: without one of the others it makes the majority.
  await trio.stop(3);
  expect(await trio.produce("orders", partition, 1)).toBeGreaterThan(meanwhile);
}, 60_000);
