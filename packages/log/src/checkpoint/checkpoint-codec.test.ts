import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint-codec.ts";

const large = Number.MAX_SAFE_INTEGER;

const checkpoint: Checkpoint = {
  number: 2 ** 40,
  directoryId: Buffer.from(Array.from({ length: 16 }, (_, row) => row)),
  nextFileId: 12,
  startSequence: 3,
  durableTo: { sequence: 5, position: 4096 },
  damage: "file 2, [4096, 5000)",
  groups: [
    {
      key: { groupId: 1, incarnation: 2 },
      hardState: { term: 3, vote: 4, commit: 5 },
      firstRecordNumber: 6,
      nextRecordNumber: 7,
      movedIndex: 8,
      movedOffset: 9,
      raftFirstIndex: 10,
      startOffset: 11,
      cutIndex: 12,
      broken: "",
      image: { fileId: 13, index: 14 },
      termRuns: [
        [1, 1],
        [9, 300],
      ],
      segments: [true, false].map((flag, row) => ({
        fileId: 15 + row,
        firstIndex: 16,
        lastIndex: 17,
        baseOffset: 18,
        endOffset: large,
        maxTimestampMs: row - 1,
        chunksEnd: 2 ** 36,
        chunkCount: 20,
        createdMs: 1.8e12,
        isSealed: flag,
        isCompacted: !flag,
        deleteHorizonMs: row * 1e12,
      })),
    },
    {
      key: { groupId: large, incarnation: large },
      hardState: { term: 0, vote: 0, commit: 0 },
      firstRecordNumber: 0,
      nextRecordNumber: 0,
      movedIndex: 0,
      movedOffset: 0,
      raftFirstIndex: 1,
      startOffset: 0,
      cutIndex: 1,
      broken: "its record 4 is missing – ähnlich",
      image: undefined,
      termRuns: [],
      segments: [],
    },
  ],
};
const bytes = Buffer.concat(encodeCheckpoint(checkpoint));

test("decodeCheckpoint() reads what encodeCheckpoint() wrote, also before older bytes", () => {
  expect(decodeCheckpoint(bytes)).toEqual({ kind: "checkpoint", checkpoint });
  const longer = Buffer.concat([bytes, Buffer.alloc(500, 7)]);
  expect(decodeCheckpoint(longer)).toEqual({ kind: "checkpoint", checkpoint });
  const empty: Checkpoint = { ...checkpoint, damage: "", groups: [] };
  const outcome = decodeCheckpoint(Buffer.concat(encodeCheckpoint(empty)));
  expect(outcome).toEqual({ kind: "checkpoint", checkpoint: empty });
});

test("decodeCheckpoint() calls every flipped bit and every cut damage", () => {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeCheckpoint(damaged), `bit ${bit}`).toEqual({ kind: "damaged" });
  }
  for (let length = 0; length < bytes.length; length++) {
    expect(decodeCheckpoint(bytes.subarray(0, length))).toEqual({ kind: "damaged" });
  }
});

test("decodeCheckpoint() tells a newer version from damage", () => {
  const newer = Buffer.from(bytes);
  newer.writeUInt32BE(2, 8);
  newer.writeUInt32BE(crc32c(newer, 0, 60), 60);
  expect(decodeCheckpoint(newer)).toEqual({ kind: "newer", version: 2 });
});
