import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";

describe("ropewalk topic delete-records", () => {
  let cluster: ScratchCluster;

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function run(args: readonly string[], input = "") {
    const { bootstrapServers } = cluster;
    const { status, stderr, stdout } = await ropewalk(args, { bootstrapServers, input });
    return { status, stdout: stdout.toString(), stderr };
  }

  /** Where partition 1 begins and ends, as `topic describe` says. */
  async function ends(topic: string): Promise<(number | null | undefined)[]> {
    const { stdout } = await run(["topic", "describe", topic, "--format", "json"]);
    const { partitions } = JSON.parse(stdout) as {
      partitions: { startOffset: number | null; endOffset: number | null }[];
    };
    return [partitions[1]?.startOffset, partitions[1]?.endOffset];
  }

  test("deletes the oldest records of one partition, whoever leads it", async () => {
    await run(["topic", "create", "cut", "-p", "3"]);
    await run(["produce", "cut", "-p", "1"], "a\nb\nc\nd\n");
    await run(["produce", "cut", "-p", "0"], "other\n");
    const cut = ["topic", "delete-records", "cut", "-p", "1", "--before"];

    expect(await run([...cut, "3", "--dry-run"])).toEqual({
      status: 0,
      stdout: "would delete offsets 0–2 of cut-1; it would begin at offset 3\n",
      stderr: "",
    });
    expect(await ends("cut")).toEqual([0, 4]);
    expect((await run([...cut, "3"])).stdout).toBe(
      "deleted offsets 0–2 of cut-1; it begins at offset 3\n",
    );
    expect(await ends("cut")).toEqual([3, 4]);
    const read = await run(["consume", "cut", "--from-beginning", "-e", "-f", "%p %o %v\\n"]);
    expect(read.stdout.split("\n").toSorted()).toEqual(["", "0 0 other", "1 3 d"]);

    expect(await run([...cut, "5"])).toMatchObject({
      status: 1,
      stdout: "",
      stderr: expect.stringMatching(/offset 5: it has offsets 3 to 4; use --before end/),
    });
    expect(JSON.parse((await run([...cut, "end", "--format", "json"])).stdout)).toEqual({
      topic: "cut",
      partition: 1,
      dryRun: false,
      previousStartOffset: 3,
      startOffset: 4,
    });
    expect((await run([...cut, "end"])).stdout).toBe(
      "nothing to delete: cut-1 begins at offset 4\n",
    );
    expect((await run([...cut.with(4, "3"), "end"])).stderr).toContain("has no partition 3");
  });

  test("leaves a compacted topic alone, which takes no record without a key", async () => {
    await run(["topic", "create", "keyed", "-c", "cleanup.policy=compact"]);
    const refused = await run(["produce", "keyed"], "no key\n");
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("has no key") });
    expect((await run(["produce", "keyed", "-k", ":"], "k:v\n")).status).toBe(0);
    const cut = await run(["topic", "delete-records", "keyed", "-p", "0", "--before", "end"]);
    expect(cut).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("cleanup.policy=compact"),
    });
  });
});
