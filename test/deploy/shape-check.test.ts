import { describe, expect, test } from "vitest";
import { deriveShapes } from "./derive-kubernetes-shapes.ts";
import table from "./kubernetes-shapes.json" with { type: "json" };
import { shapeFaults } from "./shape-check.ts";

const budget = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "budget", labels: { app: "a" } },
  spec: { maxUnavailable: "50%", selector: { matchLabels: { app: "a" } } },
};

describe("shapeFaults()", () => {
  test("accepts an object whose fields are all known", () => {
    expect(shapeFaults(table, budget)).toEqual([]);
  });

  test("refuses an unknown field, also one that every JavaScript object has", () => {
    expect(shapeFaults(table, { ...budget, bogusField: 1 })).toEqual([
      "PodDisruptionBudget.bogusField: unknown field",
    ]);
    expect(shapeFaults(table, { ...budget, constructor: 1 })).toEqual([
      "PodDisruptionBudget.constructor: unknown field",
    ]);
  });

  test("refuses wrong types at their path", () => {
    const metadata = { name: 7, labels: { app: true } };
    expect(shapeFaults(table, { ...budget, metadata, spec: [] })).toEqual([
      "PodDisruptionBudget.metadata.name: not a string",
      "PodDisruptionBudget.metadata.labels.app: not a string",
      "PodDisruptionBudget.spec: not an object",
    ]);
  });

  test("refuses a missing required field", () => {
    const set = { apiVersion: "apps/v1", kind: "StatefulSet", spec: { template: {} } };
    expect(shapeFaults(table, set)).toEqual(["StatefulSet.spec.selector: missing"]);
  });

  test("refuses a kind that the table does not hold", () => {
    expect(shapeFaults(table, { apiVersion: "apps/v1beta1", kind: "StatefulSet" })).toEqual([
      "$: unknown kind apps/v1beta1 StatefulSet",
    ]);
  });

  test("tells quantities from other strings", () => {
    const claim = (storage: unknown): unknown => ({
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      spec: {
        selector: {},
        template: {},
        volumeClaimTemplates: [{ spec: { resources: { requests: { storage } } } }],
      },
    });
    for (const storage of ["5Gi", "100m", "1", 3, "1.5", "2e3"]) {
      expect(shapeFaults(table, claim(storage))).toEqual([]);
    }
    expect(shapeFaults(table, claim("5GiB"))).toHaveLength(1);
  });
});

test("deriveShapes() refuses a source that lacks a kind", () => {
  expect(() => deriveShapes({}, "nowhere")).toThrow(/does not define it/);
});
