import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

describe("ropewalk bench", () => {
  let cluster: ScratchCluster;

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
    await run("topic", "create", "trial", "-p", "2");
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function run(...args: readonly string[]) {
    const { bootstrapServers } = cluster;
    const { status, stderr, stdout } = await ropewalk(args, { bootstrapServers });
    return { status, stdout: stdout.toString(), stderr };
  }

  test("produce writes so many records, and consume finds them, with the lines of Kafka's tools", async () => {
    const flags = ["--topic", "trial", "--num-records", "2000", "--record-size", "100"];
    const properties = ["--producer-props", "acks=all", "batch.size=65536", "linger.ms=1"];
    const produced = await run("bench", "produce", ...flags, ...properties);
    expect(produced).toEqual({
      status: 0,
      stderr: "",
      stdout: expect.stringMatching(
        /^2000 records sent, [\d.]+ records\/sec \([\d.]+ MB\/sec\), [\d.]+ ms avg latency, [\d.]+ ms max latency, [\d.]+ ms 50th, [\d.]+ ms 95th, [\d.]+ ms 99th, [\d.]+ ms 99\.9th\.\n$/,
      ),
    });
    const consumed = await run("bench", "consume", "--topic", "trial", "--messages", "2000");
    const [head = "", figures = ""] = consumed.stdout.split("\n");
    expect(head).toMatch(/^start\.time, end\.time, data\.consumed\.in\.MB, MB\.sec, /);
    expect(figures.split(", ")).toHaveLength(head.split(", ").length);
    expect(figures.split(", ")[4]).toBe("2000");
    expect(consumed).toMatchObject({ status: 0, stderr: "" });
  });

  test("produce keeps to a throughput and takes payloads from a file; consume says when too little comes", async () => {
    using directory = new TemporaryDirectory();
    const file = join(directory.path, "payloads");
    writeFileSync(file, "a;bb;ccc");
    await run("topic", "create", "paced", "-p", "1");
    const flags = ["--topic", "paced", "--num-records", "200", "--throughput", "400"];
    const payloads = ["--payload-file", file, "--payload-delimiter", ";"];
    const produced = await run("bench", "produce", ...flags, ...payloads, "--format", "json");
    expect(JSON.parse(produced.stdout)).toMatchObject({ recordCount: 200, failedCount: 0 });
    expect(JSON.parse(produced.stdout).durationMs).toBeGreaterThan(450);
    const asked = ["--topic", "paced", "--messages", "300", "--timeout", "500", "--hide-header"];
    const consumed = await run("bench", "consume", ...asked);
    expect(consumed.stdout.split(", ")[4]).toBe("200");
    expect(consumed).toMatchObject({
      status: 0,
      stderr: "200 of 300 records came; nothing more did for 500 ms\n",
    });
  });

  test("produce refuses properties that have no counterpart, and says which have one", async () => {
    const flags = ["--topic", "trial", "--num-records", "1", "--record-size", "1"];
    const refused = await run("bench", "produce", ...flags, "--producer-props", "retries=3");
    expect(refused).toMatchObject({ status: 2, stdout: "" });
    expect(refused.stderr).toContain("retries has no counterpart; there are acks");
  });
});
