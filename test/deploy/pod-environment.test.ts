import { expect, test } from "vitest";
import type { ConfigMap } from "./manifest.ts";
import { podEnvironment } from "./pod-environment.ts";

const facts = { name: "a-0", namespace: "space", nodeName: "node-0" };

test("podEnvironment() lets single variables overrule a ConfigMap and fills in references", () => {
  const config: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config" },
    data: { A: "from the map", B: "$(A) stays" },
  };
  const container = {
    name: "c",
    image: "i:1",
    envFrom: [{ configMapRef: { name: "config" } }],
    env: [
      { name: "NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "A", value: "x.$(NAMESPACE).$(LATER).$$(NAMESPACE)" },
      { name: "LATER", value: "too late" },
    ],
  };
  expect(Object.fromEntries(podEnvironment(container, [config], facts))).toEqual({
    A: "x.space.$(LATER).$(NAMESPACE)",
    B: "$(A) stays",
    NAMESPACE: "space",
    LATER: "too late",
  });
});

test("podEnvironment() refuses a field that it has no value for", () => {
  const env = [{ name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }];
  expect(() => podEnvironment({ name: "c", image: "i:1", env }, [], facts)).toThrow(
    /status\.podIP/,
  );
});
