import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSnapshotManifest, LogStore } from "@ropewalk/log";
import type { Logger } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { defaultBrokerLimits } from "../config.ts";
import { encodeCommandBatch } from "../raft/command-entry.ts";
import { RaftGroup } from "../raft/raft-group.ts";
import { encodeStateImage, type StateImage } from "../raft/state-image.ts";
import type { StateMachine } from "../raft/state-machine.ts";
import { SnapshotExporter } from "./snapshot-exporter.ts";

const key = { groupId: 5, incarnation: 2 };
const image = { prefixes: [], pairs: [["key", Buffer.from("the whole state")]] } as const;
const keptMs = 30_000;

/** A machine that has applied so much. */
class Applied implements StateMachine {
  readonly restoredIndex = 0;
  appliedIndex = 1;

  apply(): void {}
  leadershipChanged(): void {}

  takeImage(): StateImage {
    return image;
  }

  takeChanges(): [] {
    return [];
  }
}

/** A group with one entry, which is applied, and who exports it. */
class Fixture {
  readonly directory: string;
  readonly clock = new SimulatedClock();
  readonly errors: string[] = [];
  readonly machine = new Applied();
  readonly store: LogStore;
  readonly group: RaftGroup;
  readonly exporter: SnapshotExporter;

  private constructor(directory: string, store: LogStore, dataBytesMax: number) {
    this.directory = directory;
    this.store = store;
    const log = store.createGroup(key, "neverExisted");
    this.group = new RaftGroup({
      brokerId: 1,
      clock: this.clock,
      logger: nodeRuntime({ log: { level: "silent" } }).logger,
      log,
      machine: this.machine,
      voters: [1, 2, 3],
      learners: [],
      limits: defaultBrokerLimits,
      damaged: () => undefined,
    });
    const error = (_message: string, fields: unknown): void => {
      this.errors.push(String((fields as { error: unknown }).error));
    };
    const logger: Logger = { ...nodeRuntime({ log: { level: "silent" } }).logger, error };
    const { clock } = this;
    const damaged = (): void => undefined;
    this.exporter = new SnapshotExporter({ clock, logger, store, dataBytesMax, damaged });
  }

  static async open(dataBytesMax: number = 1e6): Promise<Fixture> {
    const { clock, disk, logger } = nodeRuntime({ log: { level: "silent" } });
    const directory = mkdtempSync(join(tmpdir(), "ropewalk-exporter-"));
    const fixture = new Fixture(
      directory,
      await LogStore.open({ disk, clock, logger, directory }),
      dataBytesMax,
    );
    await fixture.append(1, 0);
    return fixture;
  }

  async append(index: number, offset: number): Promise<void> {
    const data = encodeCommandBatch(Buffer.from("command"), 1);
    Buffer.from(data.buffer, data.byteOffset).writeBigInt64BE(BigInt(offset));
    const hardState = { term: 3, vote: 1, commit: index };
    const entries = [{ index, term: 3, type: "normal" as const, data }];
    await this.store.append([{ group: this.group.log, hardState, entries }]);
    this.machine.appliedIndex = index;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exporter.stop();
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

test("SnapshotExporter has none at first, then one as of what was applied, for a while", async () => {
  await using fixture = await Fixture.open();
  const { clock, exporter, group } = fixture;
  expect(exporter.snapshot(group)).toBe("unavailable");
  await expect.poll(() => exporter.snapshot(group)).not.toBe("unavailable");
  await fixture.append(2, 1);
  const snapshot = exporter.snapshot(group);
  expect(snapshot).toMatchObject({ index: 1, term: 3, confState: { voters: [1, 2, 3] } });
  if (snapshot === "unavailable") return;
  const manifest = decodeSnapshotManifest(snapshot.data);
  expect(manifest).toMatchObject({ index: 1, endOffset: 1 });
  expect(Buffer.from(manifest.image)).toEqual(encodeStateImage(image));
  expect(manifest.segments).toHaveLength(1);
  clock.stall(keptMs);
  expect(exporter.snapshot(group)).toBe("unavailable");
  await expect.poll(() => exporter.snapshot(group)).toMatchObject({ index: 2 });
});

test("SnapshotExporter makes a new one where the segments of the old one are gone", async () => {
  await using fixture = await Fixture.open();
  const { exporter, group } = fixture;
  await expect.poll(() => exporter.snapshot(group)).not.toBe("unavailable");
  exporter.forget(group);
  expect(exporter.snapshot(group)).toBe("unavailable");
  await expect.poll(() => exporter.snapshot(group)).toMatchObject({ index: 1 });
});

test("SnapshotExporter says so where a snapshot does not fit into a frame, and does not try all the time", async () => {
  await using fixture = await Fixture.open(10);
  const { clock, errors, exporter, group } = fixture;
  expect(exporter.snapshot(group)).toBe("unavailable");
  await expect.poll(() => errors.length).toBe(1);
  expect(errors[0]).toMatch(/takes \d+ bytes .* 10 fit into a frame/);
  expect(exporter.snapshot(group)).toBe("unavailable");
  clock.stall(keptMs);
  exporter.snapshot(group);
  await expect.poll(() => errors.length).toBe(2);
});
