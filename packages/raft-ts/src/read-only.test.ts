import { expect, test } from "vitest";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import { createMessage } from "./message.ts";
import { ReadOnlyQueue } from "./read-only.ts";

test("ReadOnlyQueue.takeConfirmed() waits for a majority, the leader's own word included", () => {
  const queue = new ReadOnlyQueue(1);
  const config = { ...EMPTY_CONF_STATE, voters: [1, 2, 3, 4, 5] };
  queue.add(createMessage("MsgReadIndex", 1), 7);
  queue.acknowledge(2, 1);
  expect(queue.takeConfirmed(config)).toEqual([]);
  queue.acknowledge(3, 1);
  expect(queue.takeConfirmed(config).map((read) => read.index)).toEqual([7]);
});
