import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster } from "@ropewalk/testing";

test("orders are taken while a broker is cut off, and it catches up", async () => {
  await using cluster = await startCluster({ brokers: 3, topics: ["orders"] });
  const leader = await cluster.leaderOf("orders");
  const others = cluster.brokerIds.filter((id) => id !== leader);

  cluster.partition([leader], [...others, "client"]);
  const producer = cluster.client.producer();
  assert.equal((await producer.send({ topic: "orders", value: "42 pears" })).offset, 0);

  cluster.heal();
  assert.notEqual(await cluster.leaderOf("orders"), leader);
});
