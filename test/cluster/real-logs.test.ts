import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";

/**
 * Ten system logs of Loghub beside the checkout; they are not ours to copy into it. Their lines end in
 * CRLF, and most lack the last newline.
 */
const dataDirectory = fileURLToPath(new URL("../../../shared/data", import.meta.url));
const logs = existsSync(dataDirectory)
  ? readdirSync(dataDirectory)
      .filter((name) => name.endsWith(".log"))
      .map((name) => ({ name, bytes: readFileSync(join(dataDirectory, name)) }))
  : [];
const partitionCount = 6;

if (logs.length === 0) console.warn(`Skipped: there are no logs in ${dataDirectory}.`);

describe.skipIf(logs.length === 0)("ten real logs", () => {
  let cluster: ScratchCluster;
  let bootstrapServers: readonly string[];

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
    ({ bootstrapServers } = cluster);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("are what they are taken for", () => {
    const all = Buffer.concat(logs.map(({ bytes }) => bytes));
    expect(logs).toHaveLength(10);
    expect(logs.flatMap(({ bytes }) => linesOf(bytes)).length).toBe(20_000);
    expect(all.includes("\r\n")).toBe(true);
    expect(logs.some(({ bytes }) => bytes.at(-1) !== newline)).toBe(true);
    expect(Math.max(...linesOf(all).map((line) => line.length))).toBeGreaterThan(2000);
  });

  test("come back byte for byte from the partitions they were produced to", async () => {
    await createTopic("placed");
    // Two files to every partition, one after the other, all partitions at a time.
    const placed = Array.from({ length: partitionCount }, (_, partition) =>
      logs.filter((_log, i) => i % partitionCount === partition),
    );
    await Promise.all(
      placed.map(async (files, partition) => {
        for (const { bytes } of files) {
          await produce(["placed", "-p", String(partition)], bytes);
        }
      }),
    );
    for (const [partition, files] of placed.entries()) {
      const args = ["consume", "placed", "-p", String(partition), "--from-beginning", "-e"];
      const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      // Every line comes back with a newline, the last one too.
      const expected = Buffer.concat(files.map(({ bytes }) => withLastNewline(bytes)));
      expectSameBytes(`partition ${partition}`, stdout, expected);
    }
  });

  test("come back whole and in order when all are produced at once without a partition", async () => {
    await createTopic("mixed");
    await Promise.all(
      logs.map(({ name, bytes }) => produce(["mixed", "-H", `file=${name}`], bytes)),
    );
    const partitions = await consumePartitions("mixed");
    for (const { name, bytes } of logs) {
      const queues = partitions.map((records) =>
        records.filter(({ headers }) => headers === `file=${name}`).map(({ value }) => value),
      );
      expect(queues.flat().toSorted()).toEqual(linesOf(bytes).toSorted());
      expectSubsequences(name, linesOf(bytes), queues);
    }
    expect(partitions.filter((records) => records.length > 0).length).toBeGreaterThan(1);
  });

  test("keep each key in one partition, in order", async () => {
    await createTopic("keyed");
    // Lines of this one begin with date, time and process: "20171223-22:15:29:606|Step_LSC|30002312|…".
    const log = logs.find(({ name }) => name === "healthapp.log");
    expect(log).toBeDefined();
    const lines = linesOf(log?.bytes ?? Buffer.alloc(0));
    await produce(["keyed", "-k", "|"], log?.bytes ?? Buffer.alloc(0));
    const partitions = await consumePartitions("keyed");
    const records = partitions.flat();
    expect(records.map(({ key, value }) => `${key}|${value}`).toSorted()).toEqual(lines.toSorted());
    const partitionOf = new Map<string, number>();
    for (const { key, partition } of records) {
      expect(partitionOf.get(key) ?? partition).toBe(partition);
      partitionOf.set(key, partition);
    }
    const keyOf = (line: string): string => line.slice(0, line.indexOf("|"));
    for (const [partition, placed] of partitions.entries()) {
      expect(placed.map(({ key, value }) => `${key}|${value}`)).toEqual(
        lines.filter((line) => partitionOf.get(keyOf(line)) === partition),
      );
    }
    expect(new Set(partitionOf.values()).size).toBe(partitionCount);
  });

  async function createTopic(name: string): Promise<void> {
    const args = ["topic", "create", name, "-p", String(partitionCount), "-r", "3"];
    const { status, stderr } = await ropewalk(args, { bootstrapServers });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }

  async function produce(args: readonly string[], input: Buffer): Promise<void> {
    const { status, stderr } = await ropewalk(["produce", ...args], { bootstrapServers, input });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(new RegExp(`^${linesOf(input).length} records, .*\\n$`)),
    });
  }

  /** The records of a topic, by partition; their bytes as Latin-1, in which every byte is a character. */
  async function consumePartitions(topic: string): Promise<ConsumedLine[][]> {
    // A zero byte ends a record: the logs have none, so that anything may stand in a value.
    const template = "%p\\t%h\\t%K\\t%k%v\\x00";
    const args = ["consume", topic, "--from-beginning", "-e", "-f", template];
    const { status, stdout, stderr } = await ropewalk(args, { bootstrapServers });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const partitions: ConsumedLine[][] = Array.from({ length: partitionCount }, () => []);
    for (const printed of stdout.toString("latin1").split("\0").slice(0, -1)) {
      const [partition = "", headers = "", keyBytes = ""] = printed.split("\t", 3);
      const rest = printed.slice(partition.length + headers.length + keyBytes.length + 3);
      const keyEnd = Math.max(0, Number(keyBytes));
      partitions[Number(partition)]?.push({
        partition: Number(partition),
        headers,
        key: rest.slice(0, keyEnd),
        value: rest.slice(keyEnd),
      });
    }
    return partitions;
  }
});

interface ConsumedLine {
  readonly partition: number;
  readonly headers: string;
  readonly key: string;
  readonly value: string;
}

const newline = 0x0a;

/** Lines end at a line feed and at nothing else. */
function linesOf(bytes: Buffer): string[] {
  return withLastNewline(bytes).toString("latin1").split("\n").slice(0, -1);
}

function withLastNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === newline ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
}

/** Comparing half a megabyte with `toEqual` takes long, and its failure tells nothing. */
function expectSameBytes(what: string, actual: Buffer, expected: Buffer): void {
  if (actual.equals(expected)) return;
  let at = 0;
  while (actual[at] === expected[at]) at += 1;
  const around = (bytes: Buffer): string =>
    JSON.stringify(bytes.toString("latin1", at - 40, at + 40));
  expect.fail(
    `${what} has ${actual.length} bytes, expected ${expected.length}; ` +
      `they differ from byte ${at} on: ${around(actual)} instead of ${around(expected)}`,
  );
}

/** Expects every queue to be what is left of the lines when some are left out: none overtook another. */
function expectSubsequences(
  what: string,
  lines: readonly string[],
  queues: readonly (readonly string[])[],
): void {
  for (const [partition, queue] of queues.entries()) {
    let position = 0;
    for (const line of lines)
      if (position < queue.length && queue[position] === line) position += 1;
    if (position < queue.length) {
      expect.fail(
        `${what}: partition ${partition} has ${JSON.stringify(queue[position])} out of order`,
      );
    }
  }
}
