import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { FakeLog } from "../fakes/fake-log.ts";
import { Backoff } from "./backoff.ts";
import type { ConsumedRecord } from "./consumed-batch.ts";
import { ConsumerFeed } from "./consumer-feed.ts";
import type { FetchStream } from "./fetch-stream.ts";
import { PartitionReader } from "./partition-reader.ts";

const random = { integer: () => 0, uuid: () => "" };

class Scene {
  readonly feed = new ConsumerFeed(() => false);
  readonly reader: PartitionReader;
  readonly log = new FakeLog();
  givenBack = 0;
  // The feed only gives credit back to it.
  readonly #stream = {
    giveBack: (bytes: number) => (this.givenBack += bytes),
  } as unknown as FetchStream;
  #sentBatches = 0;

  constructor(
    options: {
      readonly startOffset?: number;
      readonly exitAtEnd?: boolean;
      readonly end?: number;
    } = {},
  ) {
    this.reader = new PartitionReader({
      topic: "t",
      partition: 0,
      from: "earliest",
      exitAtEnd: options.exitAtEnd ?? false,
      backoff: new Backoff(random),
    });
    this.reader.started(options.startOffset ?? 0, options.end ?? 0);
  }

  /** Sends everything that was written since the last time as one message; answers its size. */
  send(): number {
    const recordBatches = Buffer.concat(this.log.batches.slice(this.#sentBatches));
    this.#sentBatches = this.log.batches.length;
    const end = this.log.endOffset;
    const chunk = this.reader.received(this.#stream, recordBatches, end, end);
    if (chunk !== undefined) this.feed.push(chunk);
    return recordBatches.length;
  }

  readAll(): string {
    let values = "";
    for (
      let record = this.feed.nextRecord();
      record !== undefined;
      record = this.feed.nextRecord()
    ) {
      values += textOf(record);
    }
    return values;
  }
}

const textOf = ({ value }: ConsumedRecord): string => Buffer.from(value ?? []).toString();

describe("ConsumerFeed", () => {
  test("ConsumerFeed.nextRecord() counts a record as handed at once and as passed when the next one is asked for", () => {
    const scene = new Scene();
    scene.log.write("a", "b");
    scene.send();
    scene.feed.nextRecord();
    expect([scene.reader.handedOffset, scene.reader.passedOffset]).toEqual([1, 0]);
    scene.feed.nextRecord();
    expect([scene.reader.handedOffset, scene.reader.passedOffset]).toEqual([2, 1]);
    expect(scene.feed.nextRecord()).toBeUndefined();
    expect([scene.reader.handedOffset, scene.reader.passedOffset]).toEqual([2, 2]);
  });

  test("ConsumerFeed gives credit back when the application is done with the last record of a message", () => {
    const scene = new Scene();
    scene.log.write("a");
    scene.log.write("b");
    const bytes = scene.send();
    scene.feed.nextRecord();
    scene.feed.nextRecord();
    expect(scene.givenBack).toBe(0);
    scene.feed.nextRecord();
    expect(scene.givenBack).toBe(bytes);
    expect(scene.feed.isEmpty).toBe(true);
  });

  test("ConsumerFeed.nextBatch() hands out the rest of a batch that was begun record by record", () => {
    const scene = new Scene();
    scene.log.write("a", "b", "c");
    scene.log.write("d");
    scene.send();
    expect(textOf(scene.feed.nextRecord() as ConsumedRecord)).toBe("a");
    expect(scene.feed.nextBatch()?.records.map(textOf)).toEqual(["b", "c"]);
    expect(scene.reader.passedOffset).toBe(1);
    expect(scene.feed.nextBatch()?.records.map(textOf)).toEqual(["d"]);
    expect(scene.reader.passedOffset).toBe(3);
  });

  test("ConsumerFeed leaves out what lies before the start and behind the end", () => {
    const scene = new Scene({ startOffset: 1, exitAtEnd: true, end: 4 });
    scene.log.write("a", "b", "c");
    scene.log.write("d", "e");
    scene.log.write("f");
    scene.send();
    expect(scene.readAll()).toBe("bcd");
    expect(scene.reader.passedOffset).toBe(4);
  });

  test("ConsumerFeed hands out what lies before damage, and never gets past it", () => {
    const scene = new Scene();
    for (const value of ["a", "b", "c"]) scene.log.write(value);
    const damaged = scene.log.batches[1];
    if (damaged !== undefined) damaged[damaged.length - 2] = 0xff;
    scene.send();
    expect(textOf(scene.feed.nextRecord() as ConsumedRecord)).toBe("a");
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => scene.feed.nextRecord()).toThrow(RopewalkError);
      expect(() => scene.feed.nextBatch()).toThrow(RopewalkError);
    }
    expect(scene.reader.passedOffset).toBe(1);
  });

  test("ConsumerFeed.drop() forgets a stopped reader and gives back its credit", async () => {
    const scene = new Scene();
    scene.log.write("a", "b");
    const bytes = scene.send();
    scene.log.write("c");
    const more = scene.send();
    scene.feed.nextRecord();
    scene.reader.isStopped = true;
    scene.feed.drop(scene.reader);
    expect(scene.givenBack).toBe(bytes + more);
    let hasPassed = false;
    const passed = scene.feed.passed(scene.reader).then(() => (hasPassed = true));
    await Promise.resolve();
    expect(hasPassed).toBe(false);
    expect(scene.feed.nextRecord()).toBeUndefined();
    await passed;
    expect(scene.reader.passedOffset).toBe(1);
  });
});
