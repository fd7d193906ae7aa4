import { afterEach, describe, expect, test, vi } from "vitest";

import { runCommandLine } from "./program.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs a command line, and answers its exit status and what it printed. */
async function run(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const printed = { out: "", err: "" };
  const capture = (name: "out" | "err") =>
    ((text: string, done?: () => void) => {
      printed[name] += text;
      done?.();
      return true;
    }) as typeof process.stdout.write;
  vi.spyOn(process.stdout, "write").mockImplementation(capture("out"));
  vi.spyOn(process.stderr, "write").mockImplementation(capture("err"));
  const status = await runCommandLine(args);
  return { status, ...printed };
}

describe("runCommandLine()", () => {
  test("runCommandLine() prints the version", async () => {
    expect(await run("--version")).toMatchObject({ status: 0, out: "0.1.0\n" });
  });

  test.each([
    [["--help"], "Exit status: 0 done"],
    [["dev", "--help"], "--ephemeral"],
    [["broker", "--help"], "ROPEWALK_ID=auto"],
    [["topic", "create", "--help"], "ropewalk topic create orders -p 3"],
    [["topic", "delete-records", "--help"], "--before 1000 --dry-run"],
    [["topic", "alter", "--help"], "--delete segment.bytes --dry-run"],
    [["topic", "add-partitions", "--help"], "orders --num 3 --dry-run"],
    [["config", "alter", "--help"], "--broker-defaults --set num.partitions=6"],
    [["config", "describe", "--help"], "--topic orders --docs"],
    [["produce", "--help"], "--key-separator"],
    [["consume", "--help"], "%T timestamp in ms"],
    [["cluster", "health", "--help"], "--bootstrap-server"],
    [["partitions", "reassign", "--help"], "--auto --dry-run"],
    [["partitions", "cancel", "--help"], "--all --dry-run"],
    [["group", "describe", "--help"], "ropewalk group describe"],
  ])("runCommandLine(%j) prints help", async (args, text) => {
    const { status, out } = await run(...args);
    expect(status).toBe(0);
    expect(out).toContain(text);
  });

  test.each([
    [
      ["topic", "create", "x", "-p", "0"],
      /'0' is invalid\. .* from 1 to 10000; see ropewalk topic create --help$/,
    ],
    [
      ["topic", "delete-records", "x", "-p", "0", "--before", "-1"],
      /'-1' is invalid\. It must be an offset, or end; see ropewalk topic delete-records --help$/,
    ],
    [["topic", "delete-records", "x", "-p", "0"], /required option '--before <offset>'/],
    [["topic", "delete-records", "x", "--before", "5"], /required option '-p, --partition/],
    [["topic", "alter", "x"], /nothing to alter: say it with --set, --delete/],
    [["topic", "add-partitions", "x"], /say how many: --num to add, or --partitions in all/],
    [["topic", "add-partitions", "x", "-n", "1", "-p", "2"], /say how many: .* one of them/],
    [["config", "describe"], /say whose configs: --topic NAME, --broker ID/],
    [["config", "alter", "-t", "x", "--broker", "1", "-s", "a=b"], /whose configs: .* one of them/],
    [["consume", "x", "-o", "soon"], /'soon' is invalid\. It must be earliest, latest/],
    [
      ["consume", "x", "--from-beginning", "-o", "5"],
      /--from-beginning and --offset exclude each other$/,
    ],
    [["consume", "x", "-g", "g", "-p", "0"], /--partition and --group exclude each other/],
    [
      ["consume", "x", "--format", "json", "-f", "%v"],
      /--template and --format json exclude each other$/,
    ],
    [["-b", "a:b:c", "topic", "list"], /"a:b:c" is not host:port/],
    [["topic", "list", "-b", "a:0"], /port 0 is not in 1–65535/i],
    [["topic", "list", "--format", "yaml"], /Allowed choices are text, json/],
    [["partitions", "reassign"], /give --topic, --partition and --replicas, or --auto$/],
    [["partitions", "reassign", "--auto", "-r", "1"], /--auto excludes --partition and --replicas/],
    [["partitions", "reassign", "-r", "1,1"], /It names a broker twice/],
    [["partitions", "cancel", "--all", "-t", "x"], /give --topic and --partition, or --all$/],
    [["topc"], /unknown command 'topc' \(Did you mean topic\?\)/],
    [["dev", "--brokers", "0"], /--brokers/],
    [
      ["broker", "--config", "/nonexistent.yaml"],
      /cannot read the settings file \/nonexistent\.yaml: ENOENT/,
    ],
  ])("runCommandLine(%j) is a usage error of one line", async (args, message) => {
    const { status, out, err } = await run(...args);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/^ropewalk: [^\n]+\n$/);
    expect(err.trimEnd()).toMatch(message);
  });
});
