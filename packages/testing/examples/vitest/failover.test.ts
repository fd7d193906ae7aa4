import { startCluster } from "@ropewalk/testing";
import { expect, test } from "vitest";

test("orders survive the broker that leads them", async () => {
  await using cluster = await startCluster({ brokers: 3, topics: ["orders"] });
  const producer = cluster.client.producer();
  await producer.send({ topic: "orders", value: "42 pears" });

  cluster.kill(await cluster.leaderOf("orders"));
  await producer.send({ topic: "orders", value: "7 figs" });

  const orders: string[] = [];
  for await (const record of cluster.client.consumer({ topic: "orders", exitAtEnd: true })) {
    orders.push(String(record.value));
  }
  expect(orders).toEqual(["42 pears", "7 figs"]);
});
