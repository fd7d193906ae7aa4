import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { agreeOnHello } from "../fakes/readme-example.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the example of the README does what the README says", () => {
  expect(agreeOnHello()).toEqual([["hello"], ["hello"], ["hello"]]);
});

test("the README shows the example that was compiled and run", () => {
  const source = readFileSync(new URL("../fakes/readme-example.ts", import.meta.url), "utf8");
  expect(readme).toContain(source.trim());
});

test("every test the README names exists", () => {
  const names = [...readme.matchAll(/`([a-z-/]+\.(?:test|bench)\.ts)`/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of new Set(names)) {
    const roots = ["./", "../../../test/conformance/etcd-raft/"];
    const isThere = roots.some((root) => {
      try {
        return readFileSync(new URL(`${root}${name}`, import.meta.url), "utf8") !== "";
      } catch {
        return false;
      }
    });
    expect(isThere, name).toBe(true);
  }
});
