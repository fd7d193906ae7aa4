import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ScratchCluster } from "./dev-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

interface Config {
  readonly name: string;
  readonly value?: string;
  readonly source: string;
}

describe("commands for configs and partitions", () => {
  let cluster: ScratchCluster;

  beforeAll(async () => {
    cluster = await ScratchCluster.start();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function run(...args: readonly string[]) {
    const { bootstrapServers } = cluster;
    const { status, stderr, stdout } = await ropewalk(args, { bootstrapServers });
    return { status, stdout: stdout.toString(), stderr };
  }

  /** Any broker answers, and may hear of a change later than the one that made it. */
  async function untilConfig(resource: readonly string[], name: string, value: string) {
    await waitFor(`${name} is ${value}`, 30_000, async () => {
      const { stdout } = await run("config", "describe", ...resource, name, "--format", "json");
      const [config] = JSON.parse(stdout) as Config[];
      return config?.value === value;
    });
  }

  test("ropewalk topic alter changes a topic, after a dry run that does not", async () => {
    const create = ["topic", "create", "orders", "-p", "1", "-c", "retention.ms=1000"];
    expect((await run(...create, "--dry-run")).stdout).toBe(
      "would create topic orders: partitions 1, replication factor 3\n",
    );
    expect((await run("topic", "describe", "orders")).status).toBe(1);
    expect((await run(...create)).status).toBe(0);
    const alter = ["topic", "alter", "orders", "--set", "segment.ms=5000", "-d", "retention.ms"];
    expect(await run(...alter, "--dry-run")).toEqual({
      status: 0,
      stderr: "",
      stdout: `\
would alter configs of topic orders

CONFIG        VALUE      SOURCE   DEFAULT
retention.ms  604800000  default  604800000
segment.ms    5000       topic    604800000
`,
    });
    await untilConfig(["--topic", "orders"], "retention.ms", "1000");
    const altered = JSON.parse((await run(...alter, "--format", "json")).stdout) as object;
    expect(altered).toMatchObject({
      resource: "topic orders",
      dryRun: false,
      configs: [
        { name: "retention.ms", source: "DEFAULT" },
        { name: "segment.ms", value: "5000", source: "TOPIC" },
      ],
    });
    await untilConfig(["--topic", "orders"], "segment.ms", "5000");
    const { stdout } = await run("topic", "describe", "orders", "--print-configs");
    expect(stdout).toMatch(/^segment\.ms +5000 +topic +604800000$/m);
  });

  test("ropewalk topic alter says what is possible where a value is not", async () => {
    await run("topic", "create", "strict", "-p", "1");
    const bad = await run("topic", "alter", "strict", "--set", "retention.ms=long");
    expect(bad).toMatchObject({ status: 1, stdout: "" });
    expect(bad.stderr).toBe(
      'ropewalk: cannot alter configs of topic "strict" with retention.ms=long: retention.ms must be an integer from -1 to 999999999999999; see: ropewalk config describe --topic strict --docs\n',
    );
    const unsupported = await run("topic", "alter", "strict", "--set", "local.retention.ms=1");
    expect(unsupported.stderr).toContain("local.retention.ms is not supported: there is no tiered");
    expect((await run("topic", "alter", "missing", "--set", "retention.ms=1")).stderr).toContain(
      "topic missing does not exist",
    );
  });

  test("ropewalk config alters the defaults of all, and one broker alone", async () => {
    await run("topic", "create", "follows", "-p", "1");
    const level = "log.retention.ms";
    expect((await run("config", "alter", "--broker-defaults", "-s", `${level}=77`)).stdout).toBe(`\
altered configs of the cluster

CONFIG            VALUE  SOURCE   DEFAULT
log.retention.ms  77     cluster  604800000
`);
    await untilConfig(["--topic", "follows"], "retention.ms", "77");
    const own = ["config", "alter", "--broker", "2", "-s", "log.cleaner.backoff.ms=500"];
    expect((await run(...own)).status).toBe(0);
    await untilConfig(["--broker", "2"], "log.cleaner.backoff.ms", "500");
    await untilConfig(["--broker", "1"], "log.cleaner.backoff.ms", "15000");
    const { stdout } = await run("config", "describe", "--broker", "2", "--docs");
    expect(stdout).toMatch(/^broker\.id +2 +static-broker,read-only +- +the broker's id/m);
    expect((await run("config", "alter", "--broker-defaults", "-d", level)).status).toBe(0);
    await untilConfig(["--topic", "follows"], "retention.ms", "604800000");
    const all = await run("config", "describe", "--topic", "follows", "--unsupported");
    expect(all.stdout).toMatch(/^segment\.index\.bytes +- +unsupported +-$/m);
    expect((await run("config", "describe", "--broker", "9")).stderr).toContain(
      "the cluster has the brokers 1, 2, 3",
    );
  });

  test("ropewalk topic add-partitions adds some, or as many as there shall be in all", async () => {
    await run("topic", "create", "grows", "-p", "1");
    const dry = await run("topic", "add-partitions", "grows", "--num", "2", "--dry-run");
    expect(dry.stdout).toMatch(
      /^would add 2 partitions to topic grows; it would have 3\n\nPARTITION {2}REPLICAS\n {8}1 {2}\d,\d,\d\n {8}2 {2}\d,\d,\d\n$/,
    );
    const { stdout } = await run("topic", "add-partitions", "grows", "-n", "2");
    expect(stdout).toContain("added 2 partitions to topic grows; it has 3\n");
    const json = await run("topic", "add-partitions", "grows", "-p", "4", "--format", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      topic: "grows",
      partitionCount: 4,
      added: [{ partition: 3 }],
    });
    const fewer = await run("topic", "add-partitions", "grows", "-p", "2");
    expect(fewer).toMatchObject({ status: 1, stdout: "" });
    expect(fewer.stderr).toContain("it has 4 partitions, and 2 were asked for");
  });

  test("ropewalk topic delete says first what it would do, where that is asked", async () => {
    await run("topic", "create", "gone", "-p", "2");
    expect((await run("topic", "delete", "gone", "--dry-run")).stdout).toBe(
      "would delete topic gone with its 2 partitions\n",
    );
    expect((await run("topic", "delete", "gone")).stdout).toBe("deleted topic gone\n");
    expect((await run("topic", "delete", "gone", "--dry-run")).status).toBe(1);
  });
});
