import { describe, expect, test } from "vitest";
import { startCluster } from "./start-cluster.ts";
import type { TestCluster } from "./test-cluster.ts";

async function valuesOf({ client }: TestCluster, topic: string): Promise<string[]> {
  const values: string[] = [];
  for await (const record of client.consumer({ topic, exitAtEnd: true })) {
    values.push(String(record.value));
  }
  return values;
}

describe("TestCluster", () => {
  test("TestCluster.losePower() of all brokers keeps what was acknowledged", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    await cluster.client.producer().send({ topic: "orders", value: "one" });
    for (const id of cluster.brokerIds) cluster.losePower(id);
    expect(cluster.brokerIds.map((id) => cluster.isRunning(id))).toEqual([false, false, false]);
    await cluster.start();
    expect(await valuesOf(cluster, "orders")).toEqual(["one"]);
  });

  test("TestCluster.restart() of one broker after another loses nothing of a producer that writes on", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const producer = cluster.client.producer();
    const sent: Promise<unknown>[] = [];
    for (const id of cluster.brokerIds) {
      sent.push(producer.send({ topic: "orders", value: String(id) }));
      await cluster.restart(id);
    }
    await Promise.all(sent);
    expect(await valuesOf(cluster, "orders")).toEqual(["1", "2", "3"]);
  });

  test("TestCluster.kill() has every partition led again within half a second, while silence alone would take one", async () => {
    const partitionCount = 60;
    await using cluster = await startCluster({ topics: [{ name: "orders", partitionCount }] });
    const victim = await cluster.leaderOf("orders");
    await cluster.clock.advance("10s");
    const admin = cluster.client.admin();
    await admin.describeTopic("orders");
    const beganMs = cluster.clock.elapsedMs;
    cluster.kill(victim);
    const isLed = async (): Promise<boolean> => {
      const { partitions } = await admin.describeTopic("orders");
      return partitions.every(({ leaderId }) => leaderId !== 0 && leaderId !== victim);
    };
    while (!(await isLed())) await cluster.clock.advance("10ms");
    expect(cluster.clock.elapsedMs - beganMs).toBeLessThan(500);
  });

  test("TestCluster.restart() rejects with NOT_READY without a majority", async () => {
    await using cluster = await startCluster();
    cluster.kill(2);
    cluster.kill(3);
    await expect(cluster.restart(1)).rejects.toMatchObject({ code: "NOT_READY" });
    await Promise.all([cluster.restart(2), cluster.restart(3)]);
    await cluster.ready();
  });

  test("TestCluster.pause() has another broker lead, until resume() and after", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const producer = cluster.client.producer();
    const leader = await cluster.leaderOf("orders");
    cluster.pause(leader);
    await producer.send({ topic: "orders", value: "one" });
    cluster.resume(leader);
    await producer.send({ topic: "orders", value: "two" });
    expect(await valuesOf(cluster, "orders")).toEqual(["one", "two"]);
    await cluster.ready();
  });

  test("TestCluster.partition() without a majority on the client's side lets sends wait until heal()", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const producer = cluster.client.producer();
    cluster.partition([1, "client"], [2, 3]);
    let isSent = false;
    const sent = producer.send({ topic: "orders", value: "one" }).then(() => (isSent = true));
    await cluster.clock.advance("20s");
    expect(isSent).toBe(false);
    cluster.heal();
    await sent;
    expect(await valuesOf(cluster, "orders")).toEqual(["one"]);
  });

  test("TestCluster.slowDisk() and fillDisk() harm one broker, and the others serve", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const producer = cluster.client.producer();
    cluster.slowDisk(await cluster.leaderOf("orders"), "10s");
    await producer.send({ topic: "orders", value: "one" });
    cluster.fillDisk(await cluster.leaderOf("orders"));
    const { offset } = await producer.send({ topic: "orders", value: "two" });
    expect(offset).toBe(1);
  });

  test("TestCluster.crash() of a client leaves what it waited for, and time goes on", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const { client } = cluster;
    let isSettled = false;
    for (const id of cluster.brokerIds) cluster.pause(id);
    const settled = (): boolean => (isSettled = true);
    client.producer().send({ topic: "orders", value: "lost" }).then(settled, settled);
    cluster.crash(client);
    for (const id of cluster.brokerIds) cluster.resume(id);
    expect(cluster.client).not.toBe(client);
    await cluster.client.producer().send({ topic: "orders", value: "kept" });
    expect(isSettled).toBe(false);
    expect(await valuesOf(cluster, "orders")).toEqual(["kept"]);
  });

  test("TestCluster.clock moves by what it is told to, and by real time, while nobody waits", async () => {
    await using cluster = await startCluster({ brokers: 1 });
    const { elapsedMs } = cluster.clock;
    await cluster.clock.advance("1m");
    expect(cluster.clock.elapsedMs - elapsedMs).toBeGreaterThanOrEqual(60_000);
    expect(cluster.clock.elapsedMs - elapsedMs).toBeLessThan(61_000);
    const advancedMs = cluster.clock.elapsedMs;
    await expect.poll(() => cluster.clock.elapsedMs).toBeGreaterThan(advancedMs + 20);
  });

  test("TestCluster.leaderOf() says where there is no such partition, and where nobody leads", async () => {
    await using cluster = await startCluster({ topics: ["orders"] });
    const leader = await cluster.leaderOf("orders");
    await expect(cluster.leaderOf("orders", 1)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    for (const id of cluster.brokerIds) if (id !== leader) cluster.kill(id);
    cluster.pause(leader);
    cluster.resume(leader);
    await cluster.clock.advance("5s"); // Until it knows that it leads nobody.
    await expect(cluster.leaderOf("orders")).rejects.toMatchObject({ code: "NOT_READY" });
  });

  test("TestCluster names what it cannot do", async () => {
    const cluster = await startCluster({ brokers: 1 });
    const coded = (code: string): unknown => expect.objectContaining({ code });
    expect(() => cluster.kill(4)).toThrow(coded("NO_SUCH_BROKER"));
    expect(() => cluster.kill(4)).toThrow("Cannot kill broker 4: the cluster has brokers 1");
    await expect(cluster.clock.advance("5 min" as "5m")).rejects.toThrow(coded("INVALID_DURATION"));
    await using other = await startCluster({ brokers: 1 });
    expect(() => other.crash(cluster.client)).toThrow(coded("INVALID_OPTION"));
    cluster.kill(1);
    expect(() => cluster.pause(1)).toThrow(coded("BROKER_NOT_RUNNING"));
    await cluster.close();
    await cluster.close();
    expect(() => cluster.kill(1)).toThrow(coded("CLUSTER_CLOSED"));
    await expect(startCluster({ brokers: 0 })).rejects.toThrow(coded("INVALID_OPTION"));
  });

  test("TestCluster.close() ends the loops of consumers that wait", async () => {
    const cluster = await startCluster({ topics: ["orders"] });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const record of cluster.client.consumer({ topic: "orders" })) {
        seen.push(String(record.value));
      }
    })();
    await cluster.client.producer().send({ topic: "orders", value: "one" });
    await expect.poll(() => seen).toEqual(["one"]);
    await cluster.close();
    await reading;
  });
});
