import { createClient } from "@ropewalk/client";
import { startCluster } from "@ropewalk/testing";
import { expect, test } from "vitest";

test("a service finds the cluster at its ports", async () => {
  await using cluster = await startCluster({ topics: ["orders"], listen: true });

  // This may be another process, in any language: it is gRPC on 127.0.0.1.
  await using service = createClient({ bootstrapServers: cluster.bootstrapServers });
  await service.producer().send({ topic: "orders", value: "42 pears" });

  for await (const record of cluster.client.consumer({ topic: "orders", exitAtEnd: true })) {
    expect(String(record.value)).toBe("42 pears");
  }
});
