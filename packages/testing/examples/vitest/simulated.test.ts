import type { RopewalkClient } from "@ropewalk/client";
import { simulate } from "@ropewalk/testing";
import { expect, test } from "vitest";

// The code under test. An order may be delivered again; it must be billed once.
async function bill(client: RopewalkClient, bills: Map<string, string>): Promise<void> {
  for await (const order of client.consumer({ topic: "orders", group: "billing" })) {
    bills.set(`${order.partition}/${order.offset}`, String(order.key));
  }
}

test("every order is billed once, whatever happens to brokers and to us", async () => {
  await simulate(
    { seed: "billing", runs: 5, faults: ["kill", "partition", "disk stall"], topics: ["orders"] },
    async ({ client, cluster, faults }) => {
      const bills = new Map<string, string>();
      const crashing = cluster.connect();
      void bill(crashing, bills);

      const producer = client.producer();
      for (let order = 0; order < 20; order++) {
        await producer.send({ topic: "orders", key: `order ${order}` });
        await new Promise((resolve) => setTimeout(resolve, 200)); // Virtual, as all time in here.
        if (order === 10) cluster.crash(crashing);
      }

      void bill(cluster.connect(), bills);
      await faults.stop();
      while (bills.size < 20) await cluster.clock.advance("1s");
      expect(new Set(bills.values()).size).toBe(20);
    },
  );
});
