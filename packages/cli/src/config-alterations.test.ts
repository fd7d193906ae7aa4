import { Command } from "commander";
import { describe, expect, test } from "vitest";

import { addAlterationFlags, alterationsOf } from "./config-alterations.ts";

function alterationsFrom(...args: string[]) {
  const command = addAlterationFlags(new Command("alter").exitOverride().configureOutput({}));
  command.configureOutput({ writeErr: () => {} });
  return alterationsOf(command.parse(args, { from: "user" }).opts());
}

describe("alterationsOf()", () => {
  test("alterationsOf() gathers all flags; a value may be empty and may contain =", () => {
    const flags = ["-s", "a=1", "--set", "b=x=y", "-d", "c", "--append", "d=e,f"];
    expect(alterationsFrom(...flags, "--subtract", "g=", "--delete", "h")).toEqual([
      { operation: "SET", name: "a", value: "1" },
      { operation: "SET", name: "b", value: "x=y" },
      { operation: "DELETE", name: "c" },
      { operation: "DELETE", name: "h" },
      { operation: "APPEND", name: "d", value: "e,f" },
      { operation: "SUBTRACT", name: "g", value: "" },
    ]);
  });

  test("alterationsOf() refuses to alter nothing", () => {
    expect(() => alterationsFrom("--dry-run")).toThrow(/nothing to alter: .*--set/);
  });

  test.each([
    [["--set", "a"], /NAME=VALUE/],
    [["--delete", "a=1"], /without a value/],
  ])("addAlterationFlags() refuses %j", (args, message) => {
    expect(() => alterationsFrom(...args)).toThrow(message);
  });
});
