import { type FetchRequestInit, fetchService, type FetchResponse } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";

const deadline = { timeout: 15_000 };
const partition = 0;

function fetchAt(trio: BrokerTrio, id: number, offset: number): Promise<FetchResponse> {
  const start = { at: { case: "offset", value: offset } } as const;
  const request: FetchRequestInit = { topic: "orders", partition, start, anyReplica: true };
  return trio.call(id, fetchService.fetch, request);
}

test("FollowedPartition serves on every replica the same bytes up to the high watermark, and nothing beyond", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic("orders");
  const end = await trio.produce("orders", partition, 5);

  const reach = async (id: number): Promise<number> => (await fetchAt(trio, id, 0)).highWatermark;
  for (const id of [1, 2, 3]) await expect.poll(() => reach(id), deadline).toBe(end);
  const answers = await Promise.all([1, 2, 3].map((id) => fetchAt(trio, id, 0)));
  const [first, ...others] = answers.map(({ recordBatches }) => Buffer.from(recordBatches));
  expect(first?.length).toBeGreaterThan(0);
  for (const other of others) expect(other.equals(first ?? Buffer.alloc(0))).toBe(true);

  const leaderId = await trio.leaderOf("orders", partition);
  const followerId = leaderId === 1 ? 2 : 1;
  expect((await fetchAt(trio, followerId, end)).nextOffset).toBe(end);
  // Beyond what it knows a follower sends on to the leader, which does know.
  await expect(fetchAt(trio, followerId, end + 1)).rejects.toMatchObject({
    code: "NOT_LEADER",
    leaderId,
  });
  await expect(fetchAt(trio, leaderId, end + 1)).rejects.toMatchObject({
    code: "OFFSET_OUT_OF_RANGE",
  });
});

test("FollowedPartition serves nothing where its replica follows nobody any more", async () => {
  await using trio = await BrokerTrio.start();
  await trio.createTopic("orders");
  await trio.produce("orders", partition, 1);
  await trio.stop(2);
  await trio.stop(3);
  const refused = (): Promise<unknown> =>
    fetchAt(trio, 1, 0).then(
      () => "served",
      (error: unknown) => error,
    );
  await expect.poll(refused, deadline).toMatchObject({ code: "NOT_LEADER" });
});
