import { createHash } from "node:crypto";
import { fetchService } from "@ropewalk/protocol";
import { GrpcCaller } from "../cluster/grpc-caller.ts";
import { waitFor } from "../cluster/wait-for.ts";

const caughtUpMs = 60_000;

/** What a replica holds: where it ends, and a digest of all its bytes. */
interface Holding {
  readonly highWatermark: number;
  readonly digest: string;
}

/** Reads a partition from one broker's own replica, to the high watermark that it knows. */
async function holdingOf(address: string, topic: string, partition: number): Promise<Holding> {
  using caller = new GrpcCaller(address);
  const hash = createHash("sha256");
  for (let offset = 0; ;) {
    const start = { at: { case: "offset", value: offset } } as const;
    const request = { topic, partition, start, anyReplica: true };
    const answer = await caller.call(fetchService.fetch, request);
    hash.update(answer.recordBatches);
    offset = answer.nextOffset;
    const { highWatermark } = answer;
    if (offset >= highWatermark) return { highWatermark, digest: hash.digest("hex") };
  }
}

/** Waits until the replicas of a partition on all brokers hold the same bytes, up to the same offset. */
export async function expectIdentical(
  addresses: readonly string[],
  topic: string,
  partition: number,
): Promise<void> {
  let told = "";
  await waitFor(
    () => `the replicas of ${topic}/${partition} are the same: ${told}`,
    caughtUpMs,
    async () => {
      const settled = await Promise.allSettled(
        addresses.map((address) => holdingOf(address, topic, partition)),
      );
      const seen = settled.map((each) =>
        each.status === "fulfilled" ? JSON.stringify(each.value) : String(each.reason),
      );
      told = seen.join("; ");
      return settled.every(({ status }) => status === "fulfilled") && new Set(seen).size === 1;
    },
  );
}
