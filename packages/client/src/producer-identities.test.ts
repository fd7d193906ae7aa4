import { produceService } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import type { ClusterConnection } from "./cluster-connection.ts";
import { ProducerIdentities } from "./producer-identities.ts";

/** Identities of a cluster that gives out ids from 1. */
function identities(): ProducerIdentities {
  let producerId = 0;
  const call = (method: unknown): Promise<unknown> => {
    expect(method).toBe(produceService.initProducerId);
    return Promise.resolve({ producerId: ++producerId, producerEpoch: 0 });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- All that is used of it.
  const cluster = { call } as unknown as ClusterConnection;
  return new ProducerIdentities(cluster, new AbortController().signal);
}

describe("ProducerIdentities", () => {
  test("after() keeps the id and raises the epoch, so that brokers refuse what comes late under the one before", async () => {
    const source = identities();
    const first = await source.shared();
    expect(await source.after(first)).toEqual({ ...first, producerEpoch: 1 });
  });

  test("after() takes another id where the epochs are used up", async () => {
    const source = identities();
    const { producerId } = await source.shared();
    const last = { producerId, producerEpoch: 2 ** 15 - 1 };
    expect(await source.after(last)).toEqual({ producerId: producerId + 1, producerEpoch: 0 });
  });
});
