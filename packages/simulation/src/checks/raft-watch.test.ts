import type { ObservedReplica, ObservedStep } from "@ropewalk/broker";
import type { GroupLog, GroupWrite } from "@ropewalk/log";
import { describe, expect, test } from "vitest";
import { RaftWatch } from "./raft-watch.ts";

const key = { groupId: 1, incarnation: 1 };

/** A replica of three that holds entries of these terms. */
function replicaOf(terms: readonly number[]): ObservedReplica {
  const log = {
    key,
    hardState: { term: 1, vote: 0, commit: 0 },
    firstIndex: () => 1,
    lastIndex: () => terms.length,
    term: (index: number) => terms[index - 1] ?? "unavailable",
  } as unknown as GroupLog;
  const confState = {
    voters: [1, 2, 3],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return {
    key,
    log,
    confState,
    appliedIndex: 0,
    hasJoined: true,
    takeImage: () => ({ prefixes: [], pairs: [] }),
  };
}

function stepOf(step: Partial<ObservedStep>): ObservedStep {
  return {
    softState: undefined,
    hardState: undefined,
    entries: [],
    committedEntries: [],
    ...step,
  };
}

/** Brokers 1, 2 and 3 with these logs, of which 1 was elected in term 2, and what is reported from then on. */
function ledBy(
  logs: readonly (readonly number[])[],
  voteCount = 2,
): {
  kinds: string[];
  step: (step: Partial<ObservedStep>) => void;
  write: (brokerId: number, index: number) => void;
} {
  const kinds: string[] = [];
  const watch = new RaftWatch(({ kind }) => void kinds.push(kind));
  const replicas = logs.map((terms) => replicaOf(terms));
  const observers = replicas.map((replica, row) => {
    const observer = watch.observe(row + 1);
    observer.added(replica);
    const hardState = { term: 2, vote: row < voteCount ? 1 : 0, commit: 0 };
    const writes = [{ group: replica.log, hardState, entries: [] }];
    observer.writing(writes);
    observer.durable(writes);
    return observer;
  });
  const step = (what: Partial<ObservedStep>): void => {
    const [replica] = replicas;
    if (replica !== undefined) observers[0]?.stepped(replica, stepOf(what));
  };
  step({
    softState: { leaderId: 1, role: "leader" },
    hardState: { term: 2, vote: 1, commit: 0 },
  });
  const write = (brokerId: number, index: number): void => {
    const entry = { index, term: 2, type: "normal" as const, data: new Uint8Array(0) };
    const hardState = { term: 2, vote: 1, commit: 0 };
    const writes = [{ group: replicas[brokerId - 1]?.log, hardState, entries: [entry] }];
    observers[brokerId - 1]?.writing(writes as GroupWrite[]);
    observers[brokerId - 1]?.durable(writes as GroupWrite[]);
  };
  return { kinds, step, write };
}

describe("RaftWatch", () => {
  test("bears a leader that commits an entry of its term when two of three have it on disk", () => {
    const { kinds, step, write } = ledBy([[1, 2], [1], [1]]);
    write(2, 2);
    step({ hardState: { term: 2, vote: 1, commit: 2 } });
    expect(kinds).toEqual([]);
  });

  test("finds a leader whose votes are not on a majority of disks", () => {
    expect(ledBy([[1], [1], [1]], 1).kinds).toEqual(["early election"]);
  });

  test("finds an entry that is committed while it is on one disk", () => {
    const { kinds, step } = ledBy([[1, 2], [1], [1]]);
    step({ hardState: { term: 2, vote: 1, commit: 2 } });
    expect(kinds).toEqual(["early commit"]);
  });

  test("finds a leader that commits an entry of an earlier term by counting", () => {
    const { kinds, step } = ledBy([[1], [1], [1]]);
    step({ hardState: { term: 2, vote: 1, commit: 1 } });
    expect(kinds).toEqual(["commit by counting"]);
  });

  test("finds a term, a vote and a commit index that go back", () => {
    const { kinds, step } = ledBy([[1], [1], [1]]);
    step({ hardState: { term: 2, vote: 3, commit: 0 } });
    step({ hardState: { term: 1, vote: 0, commit: 0 } });
    expect(kinds).toEqual(["vote changed", "term went back"]);
    const other = ledBy([[2], [2], [2]]);
    other.step({ hardState: { term: 2, vote: 1, commit: 1 } });
    other.step({ hardState: { term: 2, vote: 1, commit: 0 } });
    expect(other.kinds).toEqual(["commit went back"]);
  });

  test("finds a replica that votes before it has what made it a member", () => {
    const kinds: string[] = [];
    const observer = new RaftWatch(({ kind }) => void kinds.push(kind)).observe(1);
    const replica = { ...replicaOf([1]), hasJoined: false };
    observer.added(replica);
    observer.stepped(replica, stepOf({ hardState: { term: 2, vote: 0, commit: 0 } }));
    expect(kinds).toEqual([]);
    observer.stepped(replica, stepOf({ hardState: { term: 2, vote: 3, commit: 0 } }));
    expect(kinds).toEqual(["vote of no member"]);
  });

  test("lets a replica vote that was a member, and has left", () => {
    const kinds: string[] = [];
    const observer = new RaftWatch(({ kind }) => void kinds.push(kind)).observe(1);
    const replica = { ...replicaOf([1]), hasJoined: true };
    observer.added(replica);
    observer.stepped(replica, stepOf({}));
    replica.hasJoined = false;
    observer.stepped(replica, stepOf({ hardState: { term: 2, vote: 3, commit: 0 } }));
    expect(kinds).toEqual([]);
  });

  test("finds a broker that starts without what was on its disk, unless the disk was taken away", () => {
    const kinds: string[] = [];
    const watch = new RaftWatch(({ kind }) => void kinds.push(kind));
    watch.observe(1).added(replicaOf([1, 1]));
    watch.observe(1).added(replicaOf([1]));
    expect(kinds).toEqual(["forgotten entry"]);
    watch.forget(1);
    watch.observe(1).added(replicaOf([]));
    expect(kinds).toEqual(["forgotten entry"]);
  });
});
