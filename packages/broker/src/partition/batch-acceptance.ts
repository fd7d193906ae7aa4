import { batchFaultError, type RopewalkError, validateBatch } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { TopicConfig } from "../controller/topic-config.ts";
import { keylessFault } from "./keyed-batch.ts";
import { timestampFault } from "./timestamp-bounds.ts";

/**
 * Whether a topic with these configs takes a client's bytes as a batch of the partition `name`. Answers the
 * error to refuse them with; `undefined`: they may be appended.
 */
export function acceptanceFault(
  name: string,
  bytes: Uint8Array,
  { batchBytesMax, cleanup, timestampBounds }: TopicConfig,
  clock: Clock,
): RopewalkError | undefined {
  const fault = validateBatch(bytes, { batchBytesMax });
  if (fault !== undefined) return batchFaultError(fault);
  const keyless = cleanup.compact ? keylessFault(name, bytes) : undefined;
  if (keyless !== undefined || timestampBounds === undefined) return keyless;
  return timestampFault(name, bytes, timestampBounds, clock.wallMs());
}
