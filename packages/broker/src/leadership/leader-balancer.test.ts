import { topicService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";

const topic = "balanced";
const deadline = { timeout: 20_000 };

async function leaders(trio: BrokerTrio): Promise<(readonly [number, number])[]> {
  const { topic: found } = await trio.callAny(topicService.describeTopic, { name: topic });
  return (found?.partitions ?? []).map(({ leaderId, replicaIds }) => [
    leaderId,
    replicaIds[0] ?? 0,
  ]);
}

test("leadership goes back to the preferred leaders once they are there again", async () => {
  await using trio = await BrokerTrio.start({ leaderBalanceMs: 100 });
  await trio.createTopic(topic);
  const ofPreferred = async (): Promise<number> =>
    (await leaders(trio)).filter(([leader, preferred]) => leader === preferred).length;
  await expect.poll(ofPreferred, deadline).toBe(3);
  await trio.stop(2);
  await expect
    .poll(async () => (await leaders(trio)).every(([id]) => ![0, 2].includes(id)), deadline)
    .toBe(true);
  await trio.produce(topic, await trio.partitionOf(topic, 2), 10);
  await trio.start(2);
  await expect.poll(ofPreferred, deadline).toBe(3);
}, 60_000);

test("leadership stays where it is where it is not to be balanced", async () => {
  await using trio = await BrokerTrio.start({ leaderBalanceMs: 0 });
  await trio.createTopic(topic);
  await trio.stop(2);
  const partition = await trio.partitionOf(topic, 2);
  await trio.produce(topic, partition, 1);
  await trio.start(2);
  await trio.produce(topic, partition, 20);
  expect(await trio.leaderOf(topic, partition)).not.toBe(2);
}, 60_000);
