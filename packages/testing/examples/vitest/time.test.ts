import { startCluster } from "@ropewalk/testing";
import { expect, test } from "vitest";

test("an offer is gone after its quarter of an hour", async () => {
  const configs = { "retention.ms": "900000", "segment.ms": "60000" };
  await using cluster = await startCluster({ topics: [{ name: "offers", configs }] });
  const producer = cluster.client.producer();
  await producer.send({ topic: "offers", value: "pears, half price" });

  await cluster.clock.advance("20m");
  await producer.send({ topic: "offers", value: "figs, half price" });
  await cluster.clock.advance("6m");

  const offers: string[] = [];
  for await (const record of cluster.client.consumer({ topic: "offers", exitAtEnd: true })) {
    offers.push(String(record.value));
  }
  expect(offers).toEqual(["figs, half price"]);
});
