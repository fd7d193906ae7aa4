import type { GroupLog, LogStore } from "@ropewalk/log";
import type { KeyValueChange, KeyValueStore } from "@ropewalk/runtime";
import { expect, test } from "vitest";
import { encodeStateImage } from "../raft/state-image.ts";
import { HistoryInstaller } from "./history-installer.ts";
import type { AbsentReplica } from "./replica-home.ts";
import type { SegmentFetcher } from "./segment-fetcher.ts";

test("HistoryInstaller leaves no state of a replica that is gone when its turn comes to be written", async () => {
  const key = { groupId: 7, incarnation: 1 };
  const written: KeyValueChange[] = [];
  let isGone = false;
  const store: Partial<LogStore> = { isFull: false, installSnapshot: () => Promise.resolve() };
  const state: Partial<KeyValueStore> = { range: () => [] };
  const fetcher: Partial<SegmentFetcher> = { from: () => () => Promise.reject(new Error("none")) };
  const log: Partial<GroupLog> = { key };
  const absent: AbsentReplica = {
    key,
    log: log as GroupLog,
    replicaIds: () => [1, 2, 3],
    settled: Promise.resolve(),
    isGone: () => isGone,
    reopen: () => undefined,
  };
  const installer = new HistoryInstaller({
    store: store as LogStore,
    state: state as KeyValueStore,
    commit: async (bring) => {
      isGone = true; // While what was changed before is being written.
      await Promise.resolve();
      written.push(...bring());
      return true;
    },
    fetcher: fetcher as SegmentFetcher,
  });
  const image = encodeStateImage({ prefixes: [], pairs: [["partition/7", new Uint8Array(1)]] });
  const manifest = {
    index: 5,
    endOffset: 5,
    raftFirstIndex: 6,
    startOffset: 0,
    termRuns: [],
    segments: [],
    image,
  };
  const hardState = { term: 1, vote: 0, commit: 5 };
  const installed = installer.install(absent, { brokerId: 2, manifest, hardState });
  await expect(installed).rejects.toMatchObject({ code: "UNKNOWN_TOPIC_OR_PARTITION" });
  expect(written).toEqual([]);
});
