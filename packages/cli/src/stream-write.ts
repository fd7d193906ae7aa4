import type { Writable } from "node:stream";

import { failure, messageOf } from "./cli-error.ts";

/** The reader of our output went away: there is nobody left to write for. */
export class OutputClosedError extends Error {
  override readonly name = "OutputClosedError";
}

/**
 * Writes and waits until the bytes were taken; they must stay unchanged until then. Rejects with
 * {@link OutputClosedError}, or with a failure for people (a full disk, for example).
 */
export function writeTo(stream: Writable, bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === undefined || error === null) resolve();
      else if (isClosed(error))
        reject(new OutputClosedError("the output is closed", { cause: error }));
      else reject(failure(`cannot write the output: ${messageOf(error)}`, error));
    });
  });
}

function isClosed(error: Error & { code?: unknown }): boolean {
  return ["EPIPE", "ERR_STREAM_DESTROYED", "ECONNRESET"].includes(String(error.code));
}
