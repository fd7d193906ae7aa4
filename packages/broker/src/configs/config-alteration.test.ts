import { RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { changedConfigs, type ConfigAlteration, configChange } from "./config-alteration.ts";
import { topicConfigSchema } from "./topic-config-schema.ts";

const schema = topicConfigSchema({ replicationFactor: 3, batchBytesMax: 1000 });

function change(
  alterations: readonly ConfigAlteration[],
  own: Record<string, string> = {},
  inherited: Record<string, string> = {},
) {
  const configs = new Map(Object.entries(own));
  return configChange(schema, "alter it", alterations, configs, (name) => inherited[name]);
}

function step(
  operation: ConfigAlteration["operation"],
  name: string,
  value = "",
): ConfigAlteration {
  return { operation, name, value };
}

function errorOf(...alterations: ConfigAlteration[]): RopewalkError {
  try {
    change(alterations);
  } catch (error) {
    if (error instanceof RopewalkError) return error;
  }
  throw new Error("nothing was refused");
}

describe("configChange()", () => {
  test("configChange() sets what is new and takes out what is there", () => {
    const alterations = [
      step("SET", "retention.ms", "5"),
      step("SET", "segment.ms", "7"),
      step("DELETE", "retention.bytes"),
      step("DELETE", "max.message.bytes"),
    ];
    expect(change(alterations, { "segment.ms": "7", "retention.bytes": "1" })).toEqual({
      set: new Map([["retention.ms", "5"]]),
      deleted: ["retention.bytes"],
    });
  });

  test.each([
    ["APPEND", "compact", { "cleanup.policy": "delete" }, {}, "delete,compact"],
    ["APPEND", "compact", {}, { "cleanup.policy": "delete" }, "delete,compact"],
    ["APPEND", "delete", {}, { "cleanup.policy": "delete" }, "delete"],
    ["SUBTRACT", "delete", { "cleanup.policy": "delete,compact" }, {}, "compact"],
  ] as const)("configChange() %ss %s of a list", (operation, value, own, inherited, next) => {
    const { set } = change([step(operation, "cleanup.policy", value)], own, inherited);
    expect(set.get("cleanup.policy")).toBe(next);
  });

  test("configChange() takes back what was accepted once, whatever is accepted now", () => {
    const stale = { "message.format.version": "3.0" };
    expect(change([step("DELETE", "message.format.version")], stale).deleted).toEqual([
      "message.format.version",
    ]);
    expect(errorOf(step("DELETE", "message.format.version")).code).toBe("INVALID_CONFIG");
  });

  test.each([
    [
      step("SET", "retention.ms", "soon"),
      "an integer from -1 to 999999999999999",
      /must be an int/,
    ],
    [
      step("SET", "min.insync.replicas", "3"),
      "an integer from 1 to 2",
      /must be an integer from 1/,
    ],
    [step("SET", "compression.type", "zstd"), "producer", /must be producer$/],
    [step("SET", "segment.index.bytes", "1"), "", /is not supported: indexes are laid out/],
    [step("SET", "retention", "1"), "", /is not supported \(cleanup\.policy, retention\.ms, /],
    [step("DELETE", "retention"), "", /is not supported \(/],
    [step("APPEND", "retention.ms", "1"), "an integer from -1 to 999999999999999", /is no list/],
  ])("configChange() refuses %j and says what is possible", (alteration, validValues, message) => {
    const error = errorOf(alteration);
    expect(error.code).toBe("INVALID_CONFIG");
    expect(error.message).toMatch(message);
    const { name, value } = alteration;
    expect(error.invalidConfig).toEqual({ name, value, validValues });
  });

  test("configChange() leaves no list without an element", () => {
    const subtraction = [step("SUBTRACT", "cleanup.policy", "delete")];
    expect(() => change(subtraction, {}, { "cleanup.policy": "delete" })).toThrow(
      /must keep an element: it is delete, and delete would leave nothing/,
    );
  });

  test("configChange() refuses requests that make no sense", () => {
    expect(() => change([])).toThrow(/0 alterations, where 1 to 100 are possible/);
    const twice = [step("SET", "retention.ms", "1"), step("DELETE", "retention.ms")];
    expect(() => change(twice)).toThrow(/"retention.ms" is altered twice/);
    expect(errorOf(step("UNSPECIFIED", "retention.ms", "1")).code).toBe("INVALID_REQUEST");
    const many = Array.from({ length: 101 }, (_, each) => step("SET", `c${each}`, "1"));
    expect(() => change(many)).toThrow(/101 alterations/);
  });

  test("configChange() cuts what a client sends without an end", () => {
    const { invalidConfig, message } = errorOf(step("SET", "retention.ms", "9".repeat(5000)));
    expect(invalidConfig?.value.length).toBe(200);
    expect(message.length).toBeLessThan(500);
  });
});

test("changedConfigs() leaves what it was given as it is", () => {
  const own = new Map([
    ["a", "1"],
    ["b", "2"],
  ]);
  const changed = changedConfigs(own, { set: new Map([["c", "3"]]), deleted: ["a"] });
  expect([...changed]).toEqual([
    ["b", "2"],
    ["c", "3"],
  ]);
  expect(own.size).toBe(2);
});
