import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { NodeDisk } from "@ropewalk/runtime/node";
import { afterEach, describe, expect, test, vi } from "vitest";

import { runCommandLine } from "../program.ts";
import { parseGroup } from "./log.ts";

const testdata = join(import.meta.dirname, "../../../log/testdata");
const sound = join(testdata, "v1-closed");
const torn = join(testdata, "v1-torn");
const damaged = join(testdata, "v1-damaged");

const damage =
  "journal-0000000001-8f14e45f.log [7128, 7504) group 2.3 index 3: the data is not what was written\n";

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

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

describe("ropewalk log", () => {
  test("log verify ends with 0 where all is as it was written, also behind a torn write", async () => {
    expect(await run("log", "verify", sound)).toEqual({
      status: 0,
      out: "sound: 4 files, 2 groups\n",
      err: "",
    });
    expect(await run("log", "verify", torn)).toMatchObject({
      status: 0,
      out: "sound: 4 files, 2 groups, 820 bytes of a write that was cut short\n",
    });
  });

  test("log verify ends with 1 and says where the damage is", async () => {
    expect(await run("log", "verify", damaged)).toEqual({
      status: 1,
      out: `damaged in 1 place: 4 files, 2 groups\n${damage}`,
      err: "",
    });
    const { out, status } = await run("log", "verify", damaged, "--format", "json");
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ sound: false, faults: [{ group: "2.3", index: 3 }] });
  });

  test("log inspect shows files, groups, entries and damage", async () => {
    const { out, status } = await run("log", "inspect", damaged, "--group", "1.1");
    expect(status).toBe(0);
    expect(out).toMatch(/^directory id +8f14e45fceea467fa8b23c1d5e6f7a8b$/m);
    expect(out).toMatch(/^end +journal-0000000003-8f14e45f\.log, position 4664$/m);
    expect(out).toMatch(/^journal-0000000004-8f14e45f\.log +prepared +6144 +4096 +0 +0 +0$/m);
    expect(out).toMatch(/^1\.1 +2 +3 +16 +1 +18 +15 .* 0 +39 +sound$/m);
    expect(out).toMatch(/^2\.3 .* damaged$/m);
    expect(out).toMatch(/^ +17 +2 +normal +32–38 +222 +journal-0000000003/m);
    expect(out.endsWith(damage)).toBe(true);
  });

  test("log inspect tells the same as JSON", async () => {
    const { out } = await run("log", "inspect", sound, "--format", "json");
    expect(JSON.parse(out)).toMatchObject({
      directory: sound,
      tornBytes: 0,
      faults: [],
      groups: [{ group: "1.1", lastIndex: 18 }, { group: "2.3" }],
    });
  });

  test("log inspect takes a broker's data directory, and names who has it open", async () => {
    const data = mkdtempSync(join(tmpdir(), "ropewalk-cli-log-"));
    try {
      cpSync(sound, join(data, "log"), { recursive: true });
      expect((await run("log", "verify", data)).status).toBe(0);
      const lock = await new NodeDisk().lockDirectory(join(data, "log"), "a broker");
      const { err, status } = await run("log", "inspect", data);
      expect(status).toBe(1);
      expect(err).toMatch(/^ropewalk: cannot open .* held by process \d+ \(a broker\)/);
      await lock.release();
      expect((await run("log", "verify", data)).status).toBe(0);
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  });

  test.each([
    [["log", "inspect", "/no/such/place"], 1, /cannot list directory \/no\/such\/place/],
    [["log", "verify", import.meta.dirname], 1, /it holds no journal/],
    [["log", "inspect", sound, "--group", "9.9"], 1, /group 9\.9: .* has no such group/],
    [["log", "inspect", sound, "--group", "9"], 2, /"9" is not ID\.INCARNATION/],
    [["log", "inspect"], 2, /see ropewalk log inspect --help/],
  ])("runCommandLine(%j) ends with %i", async (args, expected, message) => {
    const { err, out, status } = await run(...args);
    expect({ out, status }).toEqual({ out: "", status: expected });
    expect(err).toMatch(message);
  });
});

test("parseGroup() reads what inspect prints, and nothing else", () => {
  expect(parseGroup("12.3")).toEqual({ value: { groupId: 12, incarnation: 3 } });
  for (const text of ["", "1", "1.", ".1", "-1.2", "1.2.3", "a.b", "9999999999999999.1"]) {
    expect(parseGroup(text).fault).toContain(text);
  }
});
