import { startCluster } from "@ropewalk/testing";
import { expect, test } from "vitest";

test("what one member did not commit, the next one is given again", async () => {
  await using cluster = await startCluster({ topics: ["orders"] });
  const producer = cluster.client.producer();
  for (const value of ["pears", "figs"]) await producer.send({ topic: "orders", value });

  const crashed = cluster.connect();
  const group = { topic: "orders", group: "billing" };
  for await (const order of crashed.consumer(group)) {
    expect(String(order.value)).toBe("pears");
    break; // Without a commit, and without a farewell.
  }
  cluster.crash(crashed);

  for await (const order of cluster.client.consumer(group)) {
    expect(String(order.value)).toBe("pears");
    break;
  }
});
