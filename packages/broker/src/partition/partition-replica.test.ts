import { type GroupLog, type LogEntry, LogError } from "@ropewalk/log";
import { patchBatch, RecordBatchBuilder, type RopewalkError } from "@ropewalk/protocol";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { describe, expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { topicConfig } from "../controller/topic-config.ts";
import { allRecords, anonymous, type AppendResult } from "../ports.ts";
import { encodeBareCommand } from "../raft/command-entry.ts";
import type { Proposed, RaftGroup } from "../raft/raft-group.ts";
import type { ProposalListener } from "../raft/state-machine.ts";
import { decodePartitionCheckpoint, type PartitionCheckpoint } from "./partition-checkpoint.ts";
import { encodePartitionCommand } from "./partition-command.ts";
import { PartitionReplica } from "./partition-replica.ts";
import type { SegmentView } from "./retention.ts";

const { logger } = nodeRuntime({ log: { level: "silent" } });

/** A replica whose group does what the test says: entries are committed when they are, not before. */
class Scene {
  readonly cuts: number[] = [];
  readonly proposals: { readonly data: Uint8Array; readonly listener: ProposalListener }[] = [];
  readonly replica: PartitionReplica;
  segments: readonly SegmentView[] = [];
  leading = true;
  readonly clock = new SimulatedClock();
  busy = false;
  /** What reading the log ends with. */
  failure: unknown;
  readonly damages: unknown[] = [];
  #index: number;
  #endOffset: number;

  constructor(configs: Record<string, string> = {}, checkpoint?: PartitionCheckpoint) {
    this.#index = checkpoint?.appliedIndex ?? 0;
    this.#endOffset = checkpoint?.nextOffset ?? 0;
    this.replica = new PartitionReplica({
      topic: "orders",
      partition: 0,
      clock: this.clock,
      logger,
      config: topicConfig({ internal: false, configs: new Map(Object.entries(configs)) }, 1e6),
      checkpoint,
      checkpointKey: "key",
      entriesPerCheckpoint: 4096,
      segments: () => this.segments,
      isDiskFull: () => false,
      historyCut: (startOffset) => this.cuts.push(startOffset),
      damaged: (error) => this.damages.push(error),
      leadershipChanged: () => undefined,
    });
    this.replica.attach(this.#group());
  }

  /** Commits an entry that somebody proposed. */
  commit(data: Uint8Array): void {
    this.#index += 1;
    const entry: LogEntry = { index: this.#index, term: 1, type: "normal", data };
    this.replica.apply(entry);
  }

  commitRecords(count: number): void {
    const builder = new RecordBatchBuilder();
    for (let row = 0; row < count; row += 1) builder.append(1, undefined, undefined);
    const batch = builder.build();
    patchBatch(batch, 0, this.#endOffset, 1);
    this.#endOffset += count;
    this.commit(batch);
  }

  commitCut(offset: number): void {
    const command = encodePartitionCommand({ kind: "startOffsetAdvanced", offset });
    this.commit(encodeBareCommand(command));
  }

  /** Commits what the replica proposed. */
  commitProposals(): void {
    for (const { data, listener } of this.proposals.splice(0)) {
      this.commit(data);
      listener.committed(this.#index);
    }
  }

  checkpoint(): PartitionCheckpoint {
    const [change] = this.replica.takeCheckpoint();
    const checkpoint = decodePartitionCheckpoint(change?.value ?? new Uint8Array());
    return checkpoint ?? expect.fail("there is no checkpoint");
  }

  #group(): RaftGroup {
    const leads = (): boolean => this.leading;
    const propose = (data: Uint8Array, listener: ProposalListener): Proposed => {
      if (this.busy) return { kind: "busy" };
      this.proposals.push({ data, listener });
      return { kind: "appended", index: 0, baseOffset: 0 };
    };
    const log: Partial<GroupLog> = {
      read: () => Promise.reject(this.failure),
      findTimestamp: () => Promise.reject(this.failure),
    };
    const group: Partial<RaftGroup> = {
      log: log as GroupLog,
      get leadership(): RaftGroup["leadership"] {
        return leads() ? { kind: "leading", term: 1 } : { kind: "following", term: 2, leaderId: 7 };
      },
      leaderId: 7,
      propose: (batch, _recordCount, listener) => propose(batch, listener),
      proposeBare: propose,
    };
    return group as RaftGroup;
  }
}

function segment(row: number, maxTimestampMs: number): SegmentView {
  const offsets = { baseOffset: row * 10, endOffset: row * 10 + 10 };
  const indexes = { firstIndex: row + 1, lastIndex: row + 1 };
  return { ...offsets, ...indexes, maxTimestampMs, sizeBytes: 1, createdMs: 0, sealed: true };
}

describe("PartitionReplica.apply()", () => {
  test("follows offsets by the entries alone", () => {
    const scene = new Scene();
    scene.commit(new Uint8Array());
    expect(scene.replica.highWatermark()).toBe(0);
    scene.commitRecords(3);
    scene.commitCut(1);
    scene.commitRecords(2);
    expect(scene.replica.highWatermark()).toBe(5);
    expect(scene.replica.startOffset()).toBe(1);
  });

  test("moves the start to the watermark of the entry at most, and never back", () => {
    const scene = new Scene();
    scene.commitRecords(4);
    scene.commitCut(100);
    scene.commitRecords(4);
    expect(scene.replica.startOffset()).toBe(4);
    scene.commitCut(3);
    scene.commitCut(4);
    expect(scene.replica.startOffset()).toBe(4);
    expect(scene.cuts).toEqual([4]);
  });

  test("passes over a command of a kind that is not known", () => {
    const scene = new Scene();
    scene.commitRecords(4);
    scene.commit(encodeBareCommand(Uint8Array.of(0x7a, 0)));
    expect(scene.replica.startOffset()).toBe(0);
  });
});

test("PartitionReplica goes on from its checkpoint, and says again where it begins", () => {
  const before = new Scene();
  before.commitRecords(6);
  before.commitCut(2);
  const checkpoint = before.checkpoint();
  expect(checkpoint).toMatchObject({ appliedIndex: 2, startOffset: 2, nextOffset: 6 });
  const after = new Scene({}, checkpoint);
  expect([after.replica.startOffset(), after.replica.highWatermark()]).toEqual([2, 6]);
  expect(after.cuts).toEqual([2]);
  after.commitRecords(1);
  expect(after.replica.highWatermark()).toBe(7);
});

describe("PartitionReplica.deleteRecords()", () => {
  test("answers the new start once it is replicated, all records for -1", async () => {
    const scene = new Scene();
    scene.commitRecords(5);
    const two = scene.replica.deleteRecords(anonymous, 2);
    expect(scene.replica.startOffset()).toBe(0);
    scene.commitProposals();
    expect(await two).toBe(2);
    const all = scene.replica.deleteRecords(anonymous, allRecords);
    scene.commitProposals();
    expect(await all).toBe(5);
    expect(await scene.replica.deleteRecords(anonymous, 3)).toBe(5);
    expect(scene.proposals).toEqual([]);
  });

  test.each([6, -2])("refuses offset %d, outside of the partition", async (offset) => {
    const scene = new Scene();
    scene.commitRecords(5);
    const refused = scene.replica.deleteRecords(anonymous, offset);
    await expect(refused).rejects.toMatchObject({
      code: "OFFSET_OUT_OF_RANGE",
      message: `Cannot delete records of orders-0 before offset ${offset}: it has offsets 0 to 5`,
    });
  });

  test("says where the leader is, that too much is on its way, and that an outcome is unknown", async () => {
    const scene = new Scene();
    scene.commitRecords(5);
    const cut = () => scene.replica.deleteRecords(anonymous, 2);
    const abandoned = cut();
    scene.proposals.splice(0)[0]?.listener.failed("unknown");
    await expect(abandoned).rejects.toMatchObject({ code: "UNKNOWN_OUTCOME" });
    scene.busy = true;
    await expect(cut()).rejects.toMatchObject({ code: "BUSY" });
    scene.leading = false;
    await expect(cut()).rejects.toMatchObject({ code: "NOT_LEADER", leaderId: 7 });
  });

  test("says that it does not know, where a majority takes longer than the caller waits", async () => {
    const scene = new Scene();
    scene.commitRecords(5);
    const patience = { timeoutMs: 20 };
    const late = scene.replica.deleteRecords(anonymous, 2, patience);
    late.catch(() => undefined); // It is awaited below.
    await scene.clock.run(20);
    await expect(late).rejects.toMatchObject({
      code: "REQUEST_TIMED_OUT",
      message: expect.stringContaining("orders-0 were deleted"),
    });
    // What was proposed is not taken back.
    scene.commitProposals();
    expect(scene.replica.startOffset()).toBe(2);
    const refused = scene.replica.deleteRecords(anonymous, 9, patience);
    await expect(refused).rejects.toMatchObject({ code: "OFFSET_OUT_OF_RANGE" });
  });

  test("leaves a topic alone that is only compacted", async () => {
    const scene = new Scene({ "cleanup.policy": "compact" });
    const refused = scene.replica.deleteRecords(anonymous, allRecords);
    await expect(refused).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
  });
});

describe("PartitionReplica.cutExpired()", () => {
  test("proposes where the segments say so, once", async () => {
    const scene = new Scene({ "retention.ms": "1000" });
    for (let row = 0; row < 3; row += 1) scene.commitRecords(10);
    scene.segments = [segment(0, 1), segment(1, 2), segment(2, 9000)];
    const cut = scene.replica.cutExpired(9500);
    scene.commitProposals();
    expect(await cut).toBe(20);
    expect(await scene.replica.cutExpired(9500)).toBeUndefined();
    expect(scene.proposals).toEqual([]);
  });

  test.each([{ "retention.ms": "-1" }, { "cleanup.policy": "compact", "retention.ms": "1" }])(
    "keeps all with %j",
    async (configs) => {
      const scene = new Scene(configs);
      scene.commitRecords(10);
      scene.segments = [segment(0, 1)];
      expect(await scene.replica.cutExpired(9500)).toBeUndefined();
    },
  );

  test("is for the leader", async () => {
    const scene = new Scene({ "retention.ms": "1" });
    scene.commitRecords(10);
    scene.segments = [segment(0, 1)];
    scene.leading = false;
    expect(await scene.replica.cutExpired(9500)).toBeUndefined();
  });
});

describe("PartitionReplica.append() to a compacted topic", () => {
  const append = (configs: Record<string, string>, ...keys: (Buffer | undefined)[]) => {
    const builder = new RecordBatchBuilder();
    for (const key of keys) builder.append(1, key, Buffer.from("v"));
    const scene = new Scene(configs);
    const outcomes: (AppendResult | RopewalkError)[] = [];
    const batch = builder.build({ codec: "gzip" });
    scene.replica.append(anonymous, batch, "all", (outcome) => outcomes.push(outcome));
    return { outcomes, proposed: scene.proposals.length };
  };

  test("refuses a batch with a record that has no key, also a compressed one", () => {
    const { outcomes, proposed } = append(
      { "cleanup.policy": "compact,delete" },
      Buffer.from("k"),
      undefined,
    );
    expect(outcomes).toMatchObject([{ code: "INVALID_RECORD" }]);
    expect(proposed).toBe(0);
  });

  test("takes keys that are empty, and every batch where nothing is compacted", () => {
    expect(append({ "cleanup.policy": "compact" }, Buffer.alloc(0)).proposed).toBe(1);
    expect(append({}, undefined).proposed).toBe(1);
  });
});

describe.each([
  ["read()", (scene: Scene) => scene.replica.read(anonymous, 0, 1)],
  [
    "resolve() of a timestamp",
    (scene: Scene) => scene.replica.resolve({ kind: "timestamp", timestampMs: 1 }),
  ],
])("PartitionReplica.%s", (_what, ask) => {
  test.each(["READ_FAILED", "GROUP_DELETED"] as const)(
    "can be tried again where the log failed for %s",
    async (reason) => {
      const scene = new Scene();
      scene.commitRecords(2);
      scene.failure = new LogError(reason, "not now");
      await expect(ask(scene)).rejects.toMatchObject({ code: "STORAGE_ERROR" });
      expect(scene.damages).toEqual([]);
    },
  );

  test("says where stored bytes are damaged", async () => {
    const scene = new Scene();
    scene.commitRecords(2);
    scene.failure = new LogError("DATA_DAMAGED", "other bytes");
    await expect(ask(scene)).rejects.toBe(scene.failure);
    expect(scene.damages).toEqual([scene.failure]);
  });
});

describe("PartitionReplica.append() of a sequence that does not follow", () => {
  const append = () => {
    const scene = new Scene();
    const outcomes: (AppendResult | RopewalkError)[] = [];
    const send = (baseSequence: number): void => {
      const builder = new RecordBatchBuilder();
      builder.append(1, undefined, undefined);
      const batch = builder.build({ producerId: 7, producerEpoch: 0, baseSequence });
      scene.replica.append(anonymous, batch, "all", (outcome) => outcomes.push(outcome));
    };
    send(0);
    scene.commitProposals();
    outcomes.splice(0);
    return { outcomes, scene, send };
  };

  test("is refused once it is certain that nobody else leads", () => {
    const { outcomes, scene, send } = append();
    send(5);
    expect(outcomes).toEqual([]);
    scene.commitProposals();
    expect(outcomes).toMatchObject([{ code: "OUT_OF_ORDER_SEQUENCE_NUMBER" }]);
    expect([scene.replica.highWatermark(), scene.replica.startOffset()]).toEqual([1, 0]);
  });

  test("is sent to the next leader where another one was elected meanwhile, which may have those before it", () => {
    const { outcomes, scene, send } = append();
    send(5);
    scene.leading = false;
    for (const { listener } of scene.proposals.splice(0)) listener.failed("unknown");
    expect(outcomes).toMatchObject([{ code: "NOT_LEADER", outcome: "definite" }]);
    scene.leading = true;
    scene.busy = true;
    send(5);
    expect(outcomes).toMatchObject([{}, { code: "BUSY", outcome: "definite" }]);
  });
});
