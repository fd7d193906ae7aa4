import { simulate } from "@ropewalk/testing";
import { expect, test } from "vitest";

test("every order is billed once, whatever happens to the brokers", async () => {
  await simulate(
    { seed: "billing", runs: 5, faults: ["kill", "partition", "disk stall"], topics: ["orders"] },
    async ({ client, cluster, faults }) => {
      const producer = client.producer();
      for (let order = 0; order < 25; order++) {
        await producer.send({ topic: "orders", key: String(order), value: "1 pear" });
        await new Promise((resolve) => setTimeout(resolve, 200)); // Virtual, as all time in here.
      }

      await faults.stop();
      const billed: string[] = [];
      for await (const record of client.consumer({ topic: "orders", exitAtEnd: true })) {
        billed.push(String(record.key));
      }
      expect(billed).toEqual(Array.from({ length: 25 }, (_, order) => String(order)));
      expect(cluster.clock.elapsedMs).toBeGreaterThan(5000);
    },
  );
});
