import { createClient } from "@ropewalk/client";
import { describe, expect, test, vi } from "vitest";
import { startCluster } from "./start-cluster.ts";

describe("startCluster", () => {
  test("startCluster() resolves to a cluster whose records are there when their leader is killed", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const producer = cluster.client.producer();
    const first = await producer.send({ topic: "orders", value: "before" });
    cluster.kill(await cluster.leaderOf("orders"));
    const second = await producer.send({ topic: "orders", value: "after" });
    expect([first.offset, second.offset]).toEqual([0, 1]);
    const values: string[] = [];
    for await (const record of cluster.client.consumer({ topic: "orders", exitAtEnd: true })) {
      values.push(String(record.value));
    }
    expect(values).toEqual(["before", "after"]);
  });

  test("startCluster({ listen: true }) is reached by a client of the real world, over gRPC, also after a restart", async () => {
    await using cluster = await startCluster({ topics: ["orders"], listen: true });
    await using client = createClient({ bootstrapServers: cluster.bootstrapServers });
    const producer = client.producer();
    await producer.send({ topic: "orders", value: "one" });
    const leader = await cluster.leaderOf("orders");
    cluster.kill(leader);
    await producer.send({ topic: "orders", value: "two" });
    await cluster.restart(leader);
    const { offset } = await producer.send({ topic: "orders", value: "three" });
    expect(offset).toBe(2);
  });

  test("startCluster() goes on after a callback of the test that throws", async () => {
    const listeners = process.listeners("uncaughtException");
    const heard: string[] = [];
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => heard.push(error.message));
    try {
      await using cluster = await startCluster({ topics: ["orders"] });
      const onAcknowledged = (): void => {
        throw new Error("mine");
      };
      const producer = cluster.client.producer({ onAcknowledged });
      producer.write({ topic: "orders", value: "one" });
      await expect.poll(() => heard).toEqual(["mine"]);
      await cluster.clock.advance("1s");
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });

  test("startCluster() lives with timers that the test replaced", async () => {
    vi.useFakeTimers();
    try {
      await using cluster = await startCluster({ topics: ["orders"] });
      const { offset } = await cluster.client.producer().send({ topic: "orders", value: "one" });
      expect(offset).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
