import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { type CommandResult, ropewalk } from "./run-command.ts";
import { RunningCommand, ropewalkPath } from "./running-command.ts";
import { waitFor } from "./wait-for.ts";

describe("pipes", () => {
  let cluster: ScratchCluster;
  let bootstrapServers: readonly string[];

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
    ({ bootstrapServers } = cluster);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function createTopic(name: string): Promise<void> {
    const created = await ropewalk(["topic", "create", name, "-p", "1"], { bootstrapServers });
    expect(created).toMatchObject({ status: 0, stderr: "" });
  }

  async function produce(
    topic: string,
    input: Buffer | string,
    ...args: string[]
  ): Promise<string> {
    const result = await ropewalk(["produce", topic, ...args], { bootstrapServers, input });
    expect(result).toMatchObject({ status: 0, stdout: Buffer.alloc(0) });
    return result.stderr;
  }

  /** Everything in the topic. */
  async function consume(topic: string, ...args: string[]): Promise<Buffer> {
    const result: CommandResult = await ropewalk(
      ["consume", topic, "--from-beginning", "-e", ...args],
      { bootstrapServers },
    );
    expect(result).toMatchObject({ status: 0, stderr: "" });
    return result.stdout;
  }

  test("lines come back byte for byte: empty, binary, with carriage returns, a megabyte long", async () => {
    await createTopic("bytes");
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== 10));
    const lines = [
      Buffer.from("plain"),
      Buffer.alloc(0),
      Buffer.alloc(0),
      Buffer.from("\r"),
      Buffer.from("a\rb\r\rc\r"),
      everyByte,
      Buffer.from([0xff, 0xfe, 0x00, 0xc3]),
      Buffer.alloc(1024 * 1024, "m"),
      Buffer.from(" leading and trailing "),
      Buffer.from("the last one has no newline"),
    ];
    const newline = Buffer.from("\n");
    const input = Buffer.concat(lines.flatMap((line) => [newline, line]).slice(1));
    expect(await produce("bytes", input)).toMatch(/^10 records, 1\.0 MB in /);
    const output = await consume("bytes");
    expect(output.length).toBe(input.length + 1);
    expect(output.equals(Buffer.concat([input, newline]))).toBe(true);
    const sizes = (await consume("bytes", "-f", "%o %S\\n")).toString();
    expect(sizes).toBe(lines.map((line, offset) => `${offset} ${line.length}\n`).join(""));
  });

  test("no input is no record, and a newline alone is an empty one", async () => {
    await createTopic("empty");
    expect(await produce("empty", "")).toMatch(/^0 records, 0 B in /);
    expect((await consume("empty")).length).toBe(0);
    expect(await produce("empty", "\n")).toMatch(/^1 record, 0 B in /);
    expect((await consume("empty")).toString()).toBe("\n");
  });

  test("--format json gives one object a line, from which every byte can be had back", async () => {
    await createTopic("json");
    const beforeMs = Date.now();
    await produce("json", "k:v\nno key\n:\nü:“quoted”\n", "-k", ":", "-H", "a=1", "-H", "a=2");
    await produce("json", Buffer.from([0xff, 0x00, 0x0a]));
    const lines = (await consume("json", "--format", "json")).toString().trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as { timestamp: number });
    const headers = [
      { name: "a", value: "1" },
      { name: "a", value: "2" },
    ];
    const place = { topic: "json", partition: 0 };
    expect(records).toMatchObject([
      { ...place, offset: 0, key: "k", value: "v", headers },
      { ...place, offset: 1, key: null, value: "no key", headers },
      { ...place, offset: 2, key: "", value: "", headers },
      { ...place, offset: 3, key: "ü", value: "“quoted”", headers },
      { ...place, offset: 4, key: null, value: { base64: "/wA=" }, headers: [] },
    ]);
    for (const { timestamp } of records) {
      expect(timestamp).toBeGreaterThanOrEqual(beforeMs);
      expect(timestamp).toBeLessThanOrEqual(Date.now());
    }
  });

  test("consume starts and ends where it is told", async () => {
    await createTopic("range");
    await produce("range", "0\n1\n2\n3\n");
    const times = (await consume("range", "-f", "%T\\n")).toString().split("\n");
    const laterMs = Number(times[3]) + 1;
    await waitFor("the clock moves on", 1000, () => Date.now() > laterMs);
    await produce("range", "4\n5\n");
    const cases: [readonly string[], string][] = [
      [["-o", "earliest", "-e"], "0 1 2 3 4 5"],
      [["-o", "4", "-e"], "4 5"],
      [["-o", "6", "-e"], ""],
      [["-o", "-2", "-e"], "4 5"],
      [["-o", "-100", "-e"], "0 1 2 3 4 5"],
      [["-o", `@${laterMs}`, "-e"], "4 5"],
      [["-o", `@${new Date(laterMs).toISOString()}`, "-e"], "4 5"],
      [["-o", "@2000-01-01", "-e"], "0 1 2 3 4 5"],
      [["-o", "latest", "-e"], ""],
      [["-o", "1", "-n", "2"], "1 2"],
      [["-o", "1", "-n", "2", "-e", "-p", "0"], "1 2"],
    ];
    for (const [args, expected] of cases) {
      const result = await ropewalk(["consume", "range", ...args], { bootstrapServers });
      expect({
        args,
        ...result,
        stdout: result.stdout.toString().split("\n").join(" ").trim(),
      }).toEqual({ args, status: 0, stderr: "", stdout: expected });
    }
  });

  test.each([["follows"], ["ends at the end", "-e"]])(
    "a reader that goes away ends consume quietly, where it %s",
    async (_what, ...args) => {
      const topic = `big${args.join("")}`;
      await createTopic(topic);
      // More than fits into a pipe, so that consume is still writing when its reader goes.
      await produce(topic, `${"x".repeat(99)}\n`.repeat(20_000));
      const consumer = `'${process.execPath}' '${ropewalkPath}' consume ${topic} --from-beginning ${args.join(" ")}`;
      const line = `{ ${consumer}; echo "status $?" >&2; } | head -1`;
      await using command = RunningCommand.shell(line, { bootstrapServers });
      expect(await command.ends()).toBe(0);
      expect(command.stdout.toString()).toBe(`${"x".repeat(99)}\n`);
      expect(command.stderr).toBe("status 0\n");
    },
  );

  test("consume prints what comes while it runs, and ends on Ctrl-C with status 0", async () => {
    await createTopic("live");
    const args = ["consume", "live", "--from-beginning"];
    await using consumer = RunningCommand.ropewalk(args, { bootstrapServers });
    for (const value of ["one", "two"]) {
      await produce("live", `${value}\n`);
      await consumer.prints(`${value}\n`);
    }
    consumer.signal("SIGINT");
    expect({ status: await consumer.ends(), stderr: consumer.stderr }).toEqual({
      status: 0,
      stderr: "",
    });
    expect(consumer.stdout.toString()).toBe("one\ntwo\n");
  });

  test("Ctrl-C ends produce's input: whole lines are delivered, a torn one is not", async () => {
    await createTopic("torn");
    await using producer = RunningCommand.ropewalk(["produce", "torn"], { bootstrapServers });
    producer.stdin.write("one\ntwo\nthr");
    await waitFor("the lines have arrived", 60_000, async () => {
      return (await consume("torn")).toString() === "one\ntwo\n";
    });
    producer.signal("SIGINT");
    const status = await producer.ends();
    expect({ status, stderr: producer.stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/^2 records, 6 B in .*\n$/) as string,
    });
    expect((await consume("torn")).toString()).toBe("one\ntwo\n");
  });
});

test("produce counts what was not acknowledged, and fails, where the cluster goes away", async () => {
  await using cluster = await ProcessCluster.start(1);
  const { bootstrapServers } = cluster;
  await ropewalk(["topic", "create", "lost", "-p", "1"], { bootstrapServers });
  const args = ["produce", "lost", "--delivery-timeout", "2"];
  await using producer = RunningCommand.ropewalk(args, { bootstrapServers });
  const consumed = async (): Promise<string> => {
    const read = ["consume", "lost", "--from-beginning", "-e"];
    return (await ropewalk(read, { bootstrapServers })).stdout.toString();
  };
  producer.stdin.write("one\n");
  await waitFor("the first has arrived", 60_000, async () => (await consumed()) === "one\n");
  await cluster.kill(1);
  producer.stdin.end("two\nthree\n");
  expect(await producer.ends()).toBe(1);
  expect(producer.stderr).toMatch(
    /^1 record, .*\nropewalk: 2 of 3 records were not acknowledged: .*\n$/,
  );
  cluster.spawn(1);
  await cluster.ready();
  expect(await consumed()).toBe("one\n");
});
