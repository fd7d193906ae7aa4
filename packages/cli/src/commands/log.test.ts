import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { NodeDisk } from "@ropewalk/runtime/node";
import { afterEach, describe, expect, test, vi } from "vitest";

import { runCommandLine } from "../program.ts";
import { parseGroup } from "./log.ts";

const testdata = join(import.meta.dirname, "../../../log/src/testdata");
const sound = join(testdata, "v1-closed");
const torn = join(testdata, "v1-torn");
const damaged = join(testdata, "v1-damaged");

const damage = [
  "checkpoint-1a [0, 0): the checkpoint is not what was written",
  "journal-0000000011-8f14e45f.log [0, 4096): the file's header is not what was written",
  "journal-0000000011-8f14e45f.log [6808, 7664) group 2.7 index 84: the data is not what was written",
  "segment-1.1-3.seg [4096, 8064) group 1.1 index 49: is not what was written",
  "",
].join("\n");

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
    const out = "sound: 5 journal files, 3 segments, 2 groups\n";
    expect(await run("log", "verify", sound)).toEqual({ status: 0, out, err: "" });
    expect(await run("log", "verify", torn)).toMatchObject({ status: 0 });
  });

  test("log verify ends with 1 and says where the damage is", async () => {
    expect(await run("log", "verify", damaged)).toEqual({
      status: 1,
      out: `damaged in 4 places: 5 journal files, 3 segments, 2 groups\n${damage}`,
      err: "",
    });
    const { out, status } = await run("log", "verify", damaged, "--format", "json");
    expect(status).toBe(1);
    const { faults, sound: isSound } = JSON.parse(out) as { faults: unknown[]; sound: boolean };
    expect(isSound).toBe(false);
    expect(faults).toHaveLength(4);
    expect(faults[2]).toMatchObject({ group: "2.7", index: 84 });
  });

  test("log inspect shows files, segments, groups, entries and damage", async () => {
    const { out, status } = await run("log", "inspect", damaged, "--group", "1.1");
    expect(status).toBe(0);
    expect(out).toMatch(/^directory id +8f14e45fceea467fa8b23c1d5e6f7a8b$/m);
    expect(out).toMatch(/^end +journal-0000000011-8f14e45f\.log, position 7760$/m);
    expect(out).toMatch(/^checkpoint +7, in 1 copy$/m);
    expect(out).toMatch(/^journal-0000000012-8f14e45f\.log +prepared +8192 +4096 +0 +0 +0$/m);
    expect(out).toMatch(/^segment-2\.7-2\.seg +sealed +1 +47 +0–93 +2 +12288$/m);
    expect(out).toMatch(/^1\.1 +3 +0 +82 +49 +84 +1 +10081 +101 +164 +damaged$/m);
    expect(out).toMatch(/^2\.7 .* damaged$/m);
    expect(out).toMatch(/^ +84 +3 +normal +162–163 +700 +journal-0000000011/m);
    expect(out.endsWith(damage)).toBe(true);
  });

  test("log inspect tells the same as JSON", async () => {
    const { out } = await run("log", "inspect", sound, "--format", "json");
    expect(JSON.parse(out)).toMatchObject({
      directory: sound,
      faults: [],
      groups: [{ group: "1.1", lastIndex: 84 }, { group: "2.7" }],
      segments: [{ group: "1.1" }, { group: "2.7", isSealed: true }, { group: "2.7" }],
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
