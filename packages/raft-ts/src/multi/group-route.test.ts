import { describe, expect, test } from "vitest";
import { EMPTY_CONF_STATE } from "../conf-state.ts";
import { MemoryStorage } from "../memory-storage.ts";
import { APPEND_THREAD, createMessage } from "../message.ts";
import { MultiRaft } from "./multi-raft.ts";

describe("a group whose replica came back empty", () => {
  const group = { groupId: 5, incarnation: 2 };
  const batch = {
    ...{ from: 2, to: 1, epoch: 1, sequence: 1, heartbeats: [] },
    ...{ lightHeartbeats: [], responses: [], lightResponses: [], wakes: [] },
  };

  /** Node 1 of three, where replicas other than the first are those given. */
  function nodeOne(replicas: Readonly<Record<number, number>>, storage: MemoryStorage) {
    const multi = new MultiRaft<string>({ nodeId: 1, epoch: 1, random: () => 0 });
    const replicaOf = (id: number): number => replicas[id] ?? 0;
    return { multi, handle: multi.add(group, { storage, replicaOf }, "") };
  }

  test("takes no commit index and no message that was meant for the earlier one", () => {
    const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1, 2, 3] });
    const { handle, multi } = nodeOne({ 1: 40 }, storage);
    const late = { term: 9, commit: 7, context: 0, sleep: false };
    const message = { ...createMessage("MsgHeartbeat", 1), from: 2, term: 9, commit: 7 };
    for (const route of [group, { ...group, fromReplica: 0, toReplica: 30 }]) {
      multi.receiveBatch({ ...batch, heartbeats: [{ ...late, group: route }] });
      expect(multi.receive(route, message)).toBe("otherIncarnation");
    }
    expect(handle.term).toBe(0);
    expect(handle.committed).toBe(0);

    const now = { ...late, commit: 0, group: { ...group, toReplica: 40 } };
    multi.receiveBatch({ ...batch, sequence: 2, heartbeats: [now] });
    expect(handle.term).toBe(9);
  });

  test("is not credited by its leader with what the earlier one acknowledges late", () => {
    const storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [1], learners: [2] });
    const { handle, multi } = nodeOne({ 2: 40 }, storage);
    handle.campaign();
    multi.tick();
    settle(multi, storage);
    expect(handle.role).toBe("leader");
    const { lastIndex: index, term } = handle;
    const matchOfTwo = () => handle.status().progress.find(({ id }) => id === 2)?.match;
    const answer = { ...createMessage("MsgAppResp", 1), from: 2, term, index };

    expect(multi.receive({ ...group, fromReplica: 30 }, answer)).toBe("otherIncarnation");
    expect(matchOfTwo()).toBe(0);
    expect(multi.receive({ ...group, fromReplica: 40 }, answer)).toBe("done");
    expect(matchOfTwo()).toBe(index);
    expect(handle.routeTo(2)).toEqual({ ...group, fromReplica: 0, toReplica: 40 });
  });

  /** Stores what the node wants stored, until it wants nothing. */
  function settle(multi: MultiRaft<string>, storage: MemoryStorage): void {
    while (multi.hasWork) {
      multi.pass({
        batch: () => undefined,
        ready: (handle, { messages }) => {
          for (const { entries, responses, to } of messages) {
            if (to === APPEND_THREAD) storage.append(entries);
            for (const response of responses) if (response.to === 1) handle.step(response);
          }
        },
      });
    }
  }
});
