import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials, makeGenericClientConstructor, Metadata } from "@grpc/grpc-js";
import {
  batchBaseOffset,
  decodeErrorStatus,
  fetchService,
  type GrpcMethod,
  produceService,
  RecordBatchBuilder,
  RopewalkError,
  splitBatches,
  statusDetailsKey,
  topicService,
} from "@ropewalk/protocol";
import {
  type ComposedFile,
  type Disk,
  type DiskFile,
  type Runtime,
  WriteThroughFile,
} from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { Broker } from "../src/broker.ts";
import type { BrokerConfig } from "../src/config.ts";

const localhost = "127.0.0.1";
const trioIds = [1, 2, 3];
const deadlineMs = 20_000;
const pollMs = 10;
const kibibyte = 1024;

/** A log that moves to segments soon. */
const smallLog = {
  journalBytesMax: 256 * kibibyte,
  fileBytesMax: 64 * kibibyte,
  fillAheadBytes: 32 * kibibyte,
  cacheBytesMax: 64 * kibibyte,
  segmentBytesMax: 4 * kibibyte,
  destageBytesPerSecondMax: 0,
};

const limits = {
  tickMs: 10,
  checkpointMs: 100,
  snapshotRetryMs: 200,
  snapshotPieceTimeoutMs: 500,
  repairRetryMsMin: 50,
  groupPartitionCount: 3,
  internalCutCheckMs: 50,
  entriesPerImage: 10,
};

/** Each trio of a process has ports of its own. */
let nextPort = 12_000 + ((process.pid * 27) % 7_000);

/**
 * Three brokers in this process on real disks and sockets, whose journals are small: what is written moves to
 * segments at once, and goes when it is cut.
 */
export class BrokerTrio {
  readonly directory: string = mkdtempSync(join(tmpdir(), "ropewalk-trio-"));
  readonly #brokers = new Map<number, Broker>();
  readonly #firstPort = nextPort;
  readonly #gates = new Map<number, Promise<void>>();
  readonly #flushGates = new Map<number, Promise<void>>();
  #changes: BrokerConfig["limits"];
  #heldCount = 0;

  /** Every broker that is to be a part of it. */
  readonly #ids: readonly number[];

  private constructor(ids: readonly number[], changes: BrokerConfig["limits"]) {
    this.#ids = ids;
    this.#changes = changes;
    nextPort += ids.length * 3;
  }

  /** `changes`: limits that differ from the trio's usual ones. */
  static async start(changes: BrokerConfig["limits"] = {}): Promise<BrokerTrio> {
    const trio = new BrokerTrio(trioIds, changes);
    await trio.startAll();
    return trio;
  }

  /** The same with brokers 4 to `brokerCount`, which are not started yet. */
  static async startFirst(
    brokerCount: number,
    changes: BrokerConfig["limits"] = {},
  ): Promise<BrokerTrio> {
    const ids = Array.from({ length: brokerCount }, (_, at) => at + 1);
    const trio = new BrokerTrio(ids, changes);
    await Promise.all(trioIds.map((id) => trio.start(id)));
    return trio;
  }

  async startAll(): Promise<void> {
    const stopped = this.#ids.filter((id) => !this.#brokers.has(id));
    await Promise.all(stopped.map((id) => this.start(id)));
  }

  async start(id: number): Promise<void> {
    const broker = await Broker.start(this.#config(id), this.#runtime(id));
    this.#brokers.set(id, broker);
    await broker.ready;
  }

  async stop(id: number): Promise<void> {
    const broker = this.#brokers.get(id);
    this.#brokers.delete(id);
    await broker?.stop();
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#ids.map((id) => this.stop(id)));
  }

  /** Everything that a broker stores. */
  logDirectory(id: number): string {
    return join(this.directory, String(id), "log");
  }

  /** Segments that a broker is about to create, as for copies, wait until what is answered is called. */
  holdSegments(id: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gates.set(id, promise);
    this.#heldCount = 0;
    return () => {
      this.#gates.delete(id);
      resolve();
    };
  }

  /** The disk of a broker stands still: no flush returns until what is answered is called. */
  holdFlushes(id: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#flushGates.set(id, promise);
    return () => {
      this.#flushGates.delete(id);
      resolve();
    };
  }

  /** How many segments have waited. */
  get heldCount(): number {
    return this.#heldCount;
  }

  call<Q, QI, P, PI>(id: number, method: GrpcMethod<Q, QI, P, PI, false, false>, request: QI) {
    const Client = makeGenericClientConstructor({}, "any");
    const client = new Client(
      `${localhost}:${this.#ports(id).client}`,
      credentials.createInsecure(),
    );
    const { path, requestSerialize, responseDeserialize } = method;
    return new Promise<P>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        {},
        (error, answer) => {
          const details = error?.metadata.get(statusDetailsKey)[0];
          if (details instanceof Buffer) reject(decodeErrorStatus(details));
          else if (error !== null) reject(error);
          else if (answer !== undefined) resolve(answer);
        },
      );
    }).finally(() => client.close());
  }

  /** The same at whichever broker does it, again and again until one does. */
  async callAny<Q, QI, P, PI>(
    method: GrpcMethod<Q, QI, P, PI, false, false>,
    request: QI,
  ): Promise<P> {
    const endMs = performance.now() + deadlineMs;
    let failure: unknown;
    while (performance.now() < endMs) {
      for (const id of this.#brokers.keys()) {
        try {
          return await this.call(id, method, request);
        } catch (error) {
          if (error instanceof RopewalkError && !error.retriable) throw error;
          failure = error;
        }
      }
      await sleep(pollMs);
    }
    throw failure;
  }

  /** Makes a topic of one partition per broker, each of which is the first replica of one. */
  async createTopic(name: string): Promise<void> {
    // Every move to segments seals the one before, so that there are many.
    const configs = new Map([["segment.ms", "1"]]);
    await this.callAny(topicService.createTopic, { name, partitionCount: trioIds.length, configs });
  }

  /** The partition that is meant to be led by a broker. */
  async partitionOf(topic: string, id: number): Promise<number> {
    const { topic: described } = await this.callAny(topicService.describeTopic, { name: topic });
    const partition = described?.partitions.find(({ replicaIds }) => replicaIds[0] === id);
    if (partition === undefined) throw new Error(`broker ${id} is the first of no partition`);
    return partition.partition;
  }

  async leaderOf(topic: string, partition: number): Promise<number> {
    const { topic: described } = await this.callAny(topicService.describeTopic, { name: topic });
    return described?.partitions[partition]?.leaderId ?? 0;
  }

  /** Starts everything anew, and waits until the partition's first replica was given the lead. */
  async lead(topic: string, partition: number, id: number): Promise<void> {
    this.#changes = { ...this.#changes, leaderBalanceMs: 50 };
    await this.stopAll();
    await this.startAll();
    const endMs = performance.now() + deadlineMs;
    while ((await this.leaderOf(topic, partition)) !== id) {
      if (performance.now() > endMs) {
        throw new Error(`broker ${id} does not lead partition ${partition} of ${topic}`);
      }
      await sleep(pollMs);
    }
  }

  /** Appends so many batches of 16 KiB; answers the offset after them. */
  async produce(topic: string, partition: number, count: number): Promise<number> {
    let nextOffset = 0;
    for (let each = 0; each < count; each++) {
      const builder = new RecordBatchBuilder();
      builder.append(1000, undefined, Buffer.alloc(16 * kibibyte, `${partition}/${each} `));
      const request = { topic, partition, recordBatch: builder.build() };
      ({ nextOffset } = await this.callAny(produceService.produce, request));
    }
    return nextOffset;
  }

  async deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
    const request = { topic, offsets: [{ partition, offset }] };
    for (const id of [await this.leaderOf(topic, partition), ...this.#ids]) {
      const [start] = (await this.call(id, topicService.deleteRecords, request)).starts;
      if (start?.error === undefined) return;
    }
    throw new Error(`records of ${topic}-${partition} could not be deleted`);
  }

  /** All batches of a partition, as its leader stores them, with the base offset of each. */
  async read(topic: string, partition: number): Promise<string[]> {
    const batches: string[] = [];
    let start: { at: { case: "edge"; value: "EARLIEST" } | { case: "offset"; value: number } } = {
      at: { case: "edge", value: "EARLIEST" },
    };
    for (;;) {
      const fetched = await this.callAny(fetchService.fetch, { topic, partition, start });
      for (const batch of splitBatches(fetched.recordBatches)) {
        batches.push(`${batchBaseOffset(batch)} ${Buffer.from(batch).toString("base64")}`);
      }
      if (fetched.nextOffset >= fetched.highWatermark) return batches;
      start = { at: { case: "offset", value: fetched.nextOffset } };
    }
  }

  /** A figure of a broker. */
  async metric(id: number, name: string): Promise<number> {
    const answer = await fetch(`http://${localhost}:${this.#ports(id).http}/metrics`);
    const line = (await answer.text()).split("\n").find((each) => each.startsWith(`${name} `));
    return Number(line?.split(" ")[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #config(id: number): BrokerConfig {
    const { client, http, peer } = this.#ports(id);
    const at = (port: number): { host: string; port: number } => ({ host: localhost, port });
    return {
      brokerId: id,
      dataDirectory: join(this.directory, String(id)),
      client: { listen: at(client), advertise: at(client) },
      peer: { listen: at(peer), advertise: at(peer) },
      http: { listen: at(http) },
      bootstrap: this.#ids.map((each) => ({ brokerId: each, address: at(this.#ports(each).peer) })),
      rack: "",
      limits: { ...limits, ...this.#changes },
      log: smallLog,
    };
  }

  #ports(id: number): { client: number; peer: number; http: number } {
    const first = this.#firstPort + (id - 1) * 3;
    return { client: first, peer: first + 1, http: first + 2 };
  }

  #runtime(id: number): Runtime {
    const runtime = nodeRuntime({
      log: { level: process.env["TRIO_LOG"] === undefined ? "silent" : "info" },
    });
    // What writes a new segment waits before its first write.
    const compose: Disk["compose"] = (path, which) => {
      const file = runtime.disk.compose(path, which);
      const gate = path.includes("segment-") && which === "new" ? this.#gates.get(id) : undefined;
      if (gate === undefined) return file;
      this.#heldCount += 1;
      const write: ComposedFile["write"] = (position, pieces) =>
        gate.then(() => file.write(position, pieces));
      return { path, write, finish: () => file.finish(), abandon: () => file.abandon() };
    };
    const create: Disk["create"] = async (path) => this.#gated(id, await runtime.disk.create(path));
    const open: Disk["open"] = async (path, access) => {
      if (access !== "write-through") return this.#gated(id, await runtime.disk.open(path, access));
      // Its writes wait at the gate, too.
      return new WriteThroughFile(this.#gated(id, await runtime.disk.open(path, "read-write")));
    };
    const changed = new Map<string | symbol, unknown>(Object.entries({ compose, create, open }));
    const disk = new Proxy(runtime.disk, {
      get: (target, name) => changed.get(name) ?? bound(target, name),
    });
    return { ...runtime, disk };
  }

  #gated(id: number, file: DiskFile): DiskFile {
    const datasync = async (): Promise<void> => {
      await this.#flushGates.get(id);
      await file.datasync();
    };
    return new Proxy(file, {
      get: (target, name) => (name === "datasync" ? datasync : bound(target, name)),
    });
  }
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? value.bind(target) : value;
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
