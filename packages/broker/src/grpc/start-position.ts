import { RopewalkError, type StartPosition as StartPositionMessage } from "@ropewalk/protocol";
import type { StartPosition } from "../ports.ts";

/** A start position from its message; throws INVALID_REQUEST where it says nothing. */
export function toStartPosition(message: StartPositionMessage | undefined): StartPosition {
  const at = message?.at;
  switch (at?.case) {
    case "offset":
      return { kind: "offset", offset: at.value };
    case "timestampMs":
      return { kind: "timestamp", timestampMs: at.value };
    case "edge":
      if (at.value === "EARLIEST") return { kind: "earliest" };
      if (at.value === "LATEST") return { kind: "latest" };
      break;
    case undefined:
  }
  throw new RopewalkError(
    "INVALID_REQUEST",
    "Cannot read: the start position must be an offset, a timestamp, EARLIEST or LATEST",
  );
}
