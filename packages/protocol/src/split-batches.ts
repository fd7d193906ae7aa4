import { batchBytes, batchHeaderBytes } from "./record-batch-header.ts";
import { RopewalkError } from "./ropewalk-error.ts";

/**
 * The batches that lie one after another in `bytes`, as slices of it. Only their lengths are looked at;
 * lengths that make no sense, or a last batch that is cut off, are a `RopewalkError` with the code
 * `CORRUPT_MESSAGE`.
 */
export function splitBatches(bytes: Uint8Array): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let position = 0; position < bytes.length;) {
    const left = bytes.length - position;
    const ownBytes = left < batchHeaderBytes ? 0 : batchBytes(bytes, position);
    if (ownBytes < batchHeaderBytes || ownBytes > left) {
      const message = `Cannot split record batches: ${left} bytes at ${position}, the batch says ${ownBytes}`;
      throw new RopewalkError("CORRUPT_MESSAGE", message);
    }
    batches.push(bytes.subarray(position, position + ownBytes));
    position += ownBytes;
  }
  return batches;
}
