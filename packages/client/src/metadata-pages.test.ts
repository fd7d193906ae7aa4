import { type GetMetadataResponse, RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { readMetadata } from "./metadata-pages.ts";

const answer: GetMetadataResponse = { clusterId: "c", controllerId: 1, brokers: [], topics: [] };

/** What was asked for and merged by a client whose broker answers with so many topics at most. */
async function read(count: number, possible = 10_000) {
  const merged: number[] = [];
  const refused: number[] = [];
  const topics = Array.from({ length: count }, (_, at) => `t${at}`);
  await readMetadata(topics, {
    ask: (some) => {
      if (some.length <= possible) return Promise.resolve(answer);
      refused.push(some.length);
      return Promise.reject(new RopewalkError("MESSAGE_TOO_LARGE", "Too many."));
    },
    merge: (_answer, some) => merged.push([...some].length),
  });
  return { merged, refused };
}

test("readMetadata() asks once for no topic, and for a thousand at a time", async () => {
  expect((await read(0)).merged).toEqual([0]);
  expect((await read(1)).merged).toEqual([1]);
  expect((await read(2500)).merged).toEqual([1000, 1000, 500]);
});

test("readMetadata() asks for half where the answer would be too large, and gives up at one topic", async () => {
  expect(await read(10, 3)).toEqual({ merged: [3, 2, 3, 2], refused: [10, 5, 5] });
  await expect(read(2, 0)).rejects.toThrow("Too many.");
});
