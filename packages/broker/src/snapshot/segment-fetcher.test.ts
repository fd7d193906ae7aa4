import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import { describe, expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { Interruption } from "./interruption.ts";
import { SegmentFetcher, segmentPieceBytesMax } from "./segment-fetcher.ts";

const key = { groupId: 5, incarnation: 2 };
const content = Buffer.from(
  Array.from({ length: 2.5 * segmentPieceBytesMax }, (_, at) => at % 251),
);

/** A fetcher whose other broker answers from `content`, after it failed with these. */
function fetcher(...failures: Error[]) {
  const asked: number[] = [];
  const source = new RemoteCaller(1, 1000, () => {
    throw new Error("it asks nobody");
  });
  source.handle(peerService.readSegment, async ({ fileId, length, position, ...group }) => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
    expect({ fileId, group }).toEqual({ fileId: 9, group: key });
    asked.push(length);
    return { data: content.subarray(position, position + length) };
  });
  const caller = new RemoteCaller(2, 1000, () => ({
    request: (to, method, body, timeoutMs, answerSize) => {
      expect({ to, timeoutMs, answerSize }).toEqual({ to: 1, timeoutMs: 500, answerSize: "large" });
      return source.answer(2, method, body);
    },
  }));
  const clock = new SimulatedClock();
  const interruption = new Interruption();
  const fetch = new SegmentFetcher(caller, clock, interruption, 500).from(1, key);
  return { asked, clock, fetch, interruption };
}

describe("SegmentFetcher", () => {
  test("brings what is larger than a piece in several, over the lane for large answers", async () => {
    const { asked, fetch } = fetcher();
    const bytes = await fetch(9, 10, 2 * segmentPieceBytesMax + 5);
    expect(Buffer.compare(bytes, content.subarray(10, 15 + 2 * segmentPieceBytesMax))).toBe(0);
    expect(asked).toEqual([segmentPieceBytesMax, segmentPieceBytesMax, 5]);
  });

  test("asks again for what may be had a moment later", async () => {
    const { clock, fetch } = fetcher(new RopewalkError("BUSY", "not now"));
    const bytes = fetch(9, 0, 3);
    await clock.run(1000);
    await expect(bytes).resolves.toEqual(new Uint8Array(content.subarray(0, 3)));
  });

  test("gives up at once where the segment is gone, and after some attempts where nobody answers", async () => {
    const gone = fetcher(new RopewalkError("STORAGE_ERROR", "no such segment"));
    await expect(gone.fetch(9, 0, 3)).rejects.toThrow("no such segment");
    const failures = Array.from({ length: 9 }, () => new RopewalkError("BUSY", "not now"));
    const busy = fetcher(...failures);
    const bytes = busy.fetch(9, 0, 3);
    const failed = expect(bytes).rejects.toThrow("not now");
    await busy.clock.run(10_000);
    await failed;
  });

  test("refuses a piece that is shorter than it should be", async () => {
    const { fetch } = fetcher();
    await expect(fetch(9, content.length - 2, 3)).rejects.toThrow("has 2 of 3 bytes");
  });

  test("ends when it is interrupted", async () => {
    const { fetch, interruption } = fetcher(new RopewalkError("BUSY", "not now"));
    const bytes = fetch(9, 0, 3);
    const failed = expect(bytes).rejects.toThrow();
    interruption.interrupt();
    await failed;
  });
});
