import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "./free-ports.ts";
import { MisusedCluster } from "./misused-cluster.ts";
import { ropewalk } from "./run-command.ts";

/** A mistake at the command line, and the one line that answers it. */
interface Mistake {
  readonly args: readonly string[];
  readonly input?: string;
  readonly status: 1 | 2;
  readonly says: readonly (string | RegExp)[];
}

const tooLong = "x".repeat(300);

const failures: Mistake[] = [
  {
    args: ["produce", "nowhere"],
    input: "a\n",
    status: 1,
    says: ["topic nowhere", "does not exist", "ropewalk topic create nowhere"],
  },
  {
    args: ["consume", "nowhere", "-e"],
    status: 1,
    says: ["topic nowhere", "does not exist", "ropewalk topic create nowhere"],
  },
  { args: ["topic", "describe", "nowhere"], status: 1, says: ["nowhere", "does not exist"] },
  { args: ["topic", "delete", "nowhere"], status: 1, says: ["nowhere", "does not exist"] },
  { args: ["group", "describe", "nobody"], status: 1, says: ["nobody", "ropewalk group list"] },
  {
    args: ["produce", "orders", "-p", "2"],
    input: "a\n",
    status: 1,
    says: ["orders has no partition 2", "0–1"],
  },
  { args: ["consume", "orders", "-p", "2", "-e"], status: 1, says: ["orders has no partition 2"] },
  {
    args: ["consume", "orders", "-p", "0", "-o", "100", "-e"],
    status: 1,
    says: ["offset 100", "use --offset earliest or latest"],
  },
  {
    args: ["produce", "small"],
    input: `${"x".repeat(4000)}\n`,
    status: 1,
    says: [/1 of 1 records were not acknowledged/, /larg/],
  },
  { args: ["topic", "create", "orders"], status: 1, says: ["ropewalk topic describe orders"] },
  {
    args: ["topic", "create", "many", "-r", "4"],
    status: 1,
    says: ["4 replicas", "3 brokers"],
  },
  { args: ["topic", "create", "many", "-p", "20000"], status: 2, says: ["20000", "10000"] },
  { args: ["topic", "create", "many", "-c", "no.such=1"], status: 1, says: ["no.such"] },
  {
    args: ["topic", "create", "many", "-c", "max.message.bytes=lots"],
    status: 1,
    says: ["max.message.bytes", "lots"],
  },
  ...["../etc", "..", ".", "", "a b", "naïve", "a/b", tooLong, "__mine"].map((name): Mistake => ({
    args: ["topic", "create", "--", name],
    status: 1,
    says: ["topic"],
  })),
  { args: ["topic", "delete", "__consumer_offsets"], status: 1, says: ["__consumer_offsets"] },
  {
    args: ["produce", "__consumer_offsets"],
    input: "a\n",
    status: 1,
    says: ["__consumer_offsets"],
  },
];

const slips: Mistake[] = [
  { args: ["topic", "create", "many", "-p", "0"], status: 2, says: ["--partitions", "1 to"] },
  { args: ["topic", "create", "many", "-p", "two"], status: 2, says: ["--partitions", "two"] },
  { args: ["topic", "create", "many", "-r", "-1"], status: 2, says: ["--replication-factor"] },
  { args: ["topic", "create", "many", "-c", "novalue"], status: 2, says: ["--config", "novalue"] },
  { args: ["topic", "create"], status: 2, says: ["name", "topic create --help"] },
  { args: ["topic", "destroy", "orders"], status: 2, says: ["destroy"] },
  { args: ["produce", "orders", "-p", "-1"], status: 2, says: ["--partition", "-1"] },
  { args: ["produce", "orders", "--acks", "2"], status: 2, says: ["--acks", "all, 1"] },
  { args: ["produce", "orders", "-k", ""], status: 2, says: ["--key-separator"] },
  { args: ["produce", "orders", "-H", "novalue"], status: 2, says: ["--header", "novalue"] },
  { args: ["produce", "orders", "-z", "rar"], status: 2, says: ["--compression", "rar"] },
  {
    args: ["produce", "orders", "--delivery-timeout", "0"],
    status: 2,
    says: ["--delivery-timeout"],
  },
  { args: ["produce"], status: 2, says: ["topic"] },
  { args: ["consume", "orders", "-o", "soon"], status: 2, says: ["--offset", "soon"] },
  { args: ["consume", "orders", "-o", "@soon"], status: 2, says: ["--offset", "@soon"] },
  { args: ["consume", "orders", "-n", "0"], status: 2, says: ["--count", "0"] },
  { args: ["consume", "orders", "-f", "%q"], status: 2, says: ["%q"] },
  {
    args: ["consume", "orders", "--from-beginning", "-o", "1"],
    status: 2,
    says: ["--from-beginning", "--offset"],
  },
  { args: ["consume", "orders", "-g", "g", "-p", "0"], status: 2, says: ["--group"] },
  { args: ["consume", "orders", "--format", "xml"], status: 2, says: ["--format", "text, json"] },
  { args: ["consume", "orders", "--nonsense"], status: 2, says: ["--nonsense"] },
  { args: ["topic", "list", "-b", "localhost:many"], status: 2, says: ["localhost:many"] },
  { args: ["dev", "--port-base", "65530"], status: 2, says: ["--port-base", "65506"] },
  { args: ["dev", "--brokers", "0"], status: 2, says: ["--brokers"] },
  { args: ["nonsense"], status: 2, says: ["nonsense"] },
];

describe("bad input at the command line", () => {
  let cluster: MisusedCluster;
  let bootstrapServers: readonly string[];

  beforeAll(async () => {
    cluster = await MisusedCluster.start();
    ({ bootstrapServers } = cluster);
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each([...failures, ...slips])(
    "ropewalk $args ends with status $status and one line that says why",
    async ({ args, input, says, status: expected }) => {
      const result = await ropewalk(args, { bootstrapServers, input: input ?? "" });
      expect(result.status).toBe(expected);
      expect(result.stdout.toString()).toBe("");
      // Where records were read, a line before says how many were written: none.
      const [told, ...more] = result.stderr
        .replace(/^0 records, .*\n/, "")
        .trimEnd()
        .split("\n");
      expect(more).toEqual([]);
      expect(told).toMatch(/^ropewalk: \S/);
      for (const words of says) {
        if (typeof words === "string") expect(told).toContain(words);
        else expect(told).toMatch(words);
      }
    },
  );

  test("has changed nothing", () => cluster.expectUnchanged());

  test.concurrent.each([
    ["topic", "list"],
    ["produce", "orders"],
    ["consume", "orders", "-e"],
  ])(
    "ropewalk %s %s names the address at which nobody answers, and what to do",
    async (...args) => {
      const [port] = await freePorts(1);
      const result = await ropewalk([...args, "-b", `127.0.0.1:${port}`], { input: "a\n" });
      expect({ status: result.status, stdout: result.stdout.toString() }).toEqual({
        status: 1,
        stdout: "",
      });
      expect(result.stderr).toMatch(/^ropewalk: cannot .*; .*ropewalk dev.*\n$/);
      expect(result.stderr).toContain(`no broker answers at 127.0.0.1:${port}`);
    },
  );
});
