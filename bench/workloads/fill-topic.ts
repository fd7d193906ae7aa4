import { createClient } from "@ropewalk/client";

/** What is to lie in a topic. */
export interface TopicFilling {
  readonly topic: string;
  readonly recordBytes: number;
  readonly bytes: number;
}

/** Writes records to all partitions of a topic; resolves when they are acknowledged, rejects where one is not. */
export async function fillTopic(
  bootstrapServers: readonly string[],
  { bytes, recordBytes, topic }: TopicFilling,
): Promise<void> {
  await using client = createClient({ bootstrapServers });
  const producer = client.producer();
  const value = Buffer.alloc(recordBytes, "x");
  for (let left = bytes; left > 0; left -= recordBytes) {
    if (!producer.write({ topic, value })) await producer.ready();
  }
  await producer.close();
  const { recordsFailed } = producer.statistics;
  if (recordsFailed > 0) throw new Error(`${recordsFailed} records were not written to ${topic}`);
}
