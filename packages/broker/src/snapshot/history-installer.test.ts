import type { GroupLog, LogStore } from "@ropewalk/log";
import type { KeyValueChange, KeyValueStore } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { encodeStateImage } from "../raft/state-image.ts";
import { HistoryInstaller } from "./history-installer.ts";
import type { AbsentReplica } from "./replica-home.ts";
import type { SegmentFetcher } from "./segment-fetcher.ts";

const key = { groupId: 7, incarnation: 1 };
const hardState = { term: 5, vote: 0, commit: 8 };
const image = encodeStateImage({
  prefixes: [],
  pairs: [["partition/7", new Uint8Array(3)]],
});
const manifest = {
  ...{ index: 8, endOffset: 8, raftFirstIndex: 9, startOffset: 0 },
  ...{ termRuns: [], segments: [], image },
};

/** What is written beside the log for a replica that takes in a history, and may go before that is written. */
async function written(goesBeforeItsTurn: boolean): Promise<readonly string[]> {
  const keys: string[] = [];
  let isGone = false;
  const store: Partial<LogStore> = { isFull: false, installSnapshot: () => Promise.resolve() };
  const state: Partial<KeyValueStore> = { range: () => [] };
  const installer = new HistoryInstaller({
    store: store as LogStore,
    state: state as KeyValueStore,
    commit: async (bring: () => readonly KeyValueChange[]) => {
      isGone = goesBeforeItsTurn;
      await Promise.resolve();
      keys.push(...bring().map((change) => change.key));
      return true;
    },
    fetcher: {
      from: () => () => expect.fail("there are no segments"),
    } as unknown as SegmentFetcher,
  });
  const log: Partial<GroupLog> = { key };
  const absent: AbsentReplica = {
    key,
    log: log as GroupLog,
    replicaIds: () => [1, 2, 3],
    settled: Promise.resolve(),
    isGone: () => isGone,
    reopen: () => undefined,
  };
  await installer.install(absent, { brokerId: 2, manifest, hardState });
  return keys;
}

test("HistoryInstaller.install() writes the state that a history led to beside the log", async () => {
  expect(await written(false)).toContain("partition/7");
});

test("HistoryInstaller.install() writes nothing of a replica that went while others were written", async () => {
  expect(await written(true)).toEqual([]);
});
