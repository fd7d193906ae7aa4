import { fillTopic } from "./fill-topic.ts";
import { type WorkloadContext, withTopic } from "./workload.ts";

/** A little more than what a broker's journal takes before it uses its files again (`journalBytesMax`). */
const agingBytes = 1800 * 1024 * 1024;
const agingRecordBytes = 64 * 1024;
const partitionCount = 6;

/**
 * Writes until each broker uses the files of its journal again, as it does from its second gigabyte to its last: what
 * is measured then is neither the making of files nor the system's search for memory that it has not used yet. What was
 * written stays until `use` ends, so that it has to be moved out of the journal's way while records are measured.
 * A named cluster is left as it is.
 */
export async function withUsedJournals<Value>(
  context: WorkloadContext,
  use: () => Promise<Value>,
): Promise<Value> {
  const { cluster, findings } = context;
  if (cluster.processes === undefined) return use();
  return withTopic(context, partitionCount, async (topic) => {
    findings.progress("writing until the journals' files are used again");
    const [bytes, recordBytes] = [agingBytes, agingRecordBytes];
    await fillTopic(cluster.bootstrapServers, { topic, recordBytes, bytes });
    return use();
  });
}
