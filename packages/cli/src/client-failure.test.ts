import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";

import { failure } from "./cli-error.ts";
import { explainFailure } from "./client-failure.ts";

const attempt = {
  action: "describe topic orders",
  topic: "orders",
  bootstrapServers: ["localhost:7700", "b:1"],
};

describe("explainFailure()", () => {
  test.each([
    [
      "a missing topic",
      new RopewalkError("UNKNOWN_TOPIC_OR_PARTITION", "Cannot read metadata: it does not exist"),
      "cannot describe topic orders: topic orders does not exist; " +
        "create it with: ropewalk topic create orders, or see: ropewalk topic list",
    ],
    [
      "a cluster that cannot be reached",
      new RopewalkError("LEADER_NOT_AVAILABLE", "Cannot describe topic orders: No connection", {
        cause: new Error("14 UNAVAILABLE"),
      }),
      "cannot describe topic orders: no broker answers at localhost:7700, b:1; " +
        "start one with: ropewalk dev, or say where with --bootstrap-server",
    ],
    [
      "a message of several lines that does not say what was tried",
      new RopewalkError("INVALID_RECORD", "bad\n  worse"),
      "cannot describe topic orders: bad worse",
    ],
  ])("explainFailure() tells of %s on one line", (_what, error, message) => {
    expect(explainFailure(error, attempt)).toMatchObject({ message, exitStatus: 1, cause: error });
  });

  test("explainFailure() advises on an offset out of range by what was tried", () => {
    const error = new RopewalkError("OFFSET_OUT_OF_RANGE", "it has offsets 3 to 6");
    const tried = (action: string) => explainFailure(error, { ...attempt, action });
    expect(tried("read orders")).toMatchObject({ message: expect.stringContaining("--offset") });
    expect(tried("delete records of orders-0")).toMatchObject({
      message:
        "cannot delete records of orders-0: it has offsets 3 to 6; use --before end for everything there is",
    });
  });

  test("explainFailure() leaves alone what was explained already, and what nobody expected", () => {
    for (const error of [failure("done"), new TypeError("x is not a function")]) {
      expect(explainFailure(error, attempt)).toBe(error);
    }
  });
});
