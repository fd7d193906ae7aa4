import { expect, test } from "vitest";
import { AckQueue } from "./ack-queue.ts";

test("AckQueue holds an ack back until those of earlier batches are known", () => {
  const queue = new AckQueue();
  const sent: number[] = [];
  const ready = (ack: { correlationId?: number | undefined }) =>
    void sent.push(ack.correlationId ?? 0);
  const [first, second, third] = [queue.enter(ready), queue.enter(ready), queue.enter(ready)];
  third?.({ correlationId: 3 });
  second?.({ correlationId: 2 });
  expect(sent).toEqual([]);
  first?.({ correlationId: 1 });
  expect(sent).toEqual([1, 2, 3]);
});
