import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeRuntime } from "@ropewalk/runtime/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openIdentity, writeIdentity } from "./identity.ts";

const { disk, random } = nodeRuntime({ log: { level: "silent" } });
const claim = { brokerId: 1, bootstrapIds: [1, 2, 3] };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ropewalk-identity-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("openIdentity()", () => {
  test("gives a directory an id for good, and counts its starts", async () => {
    const first = await openIdentity(disk, random, directory, claim);
    const second = await openIdentity(disk, random, directory, claim);
    expect(second).toEqual({ ...first, startCount: 2 });
    expect(first.hasJoined).toBe(false);
  });

  test("takes other brokers to form a cluster with as long as it took part in nothing", async () => {
    await openIdentity(disk, random, directory, claim);
    const other = { ...claim, bootstrapIds: [1, 4] };
    expect(await openIdentity(disk, random, directory, other)).toMatchObject(other);
  });

  test("refuses other brokers while the cluster is being formed, and the data of another broker", async () => {
    const identity = await openIdentity(disk, random, directory, claim);
    await writeIdentity(disk, directory, { ...identity, hasJoined: true });
    const other = openIdentity(disk, random, directory, { ...claim, bootstrapIds: [1, 4] });
    await expect(other).rejects.toThrow(/formed by brokers 1, 2, 3, and --peers names 1, 4/);
    const stranger = openIdentity(disk, random, directory, { ...claim, brokerId: 2 });
    await expect(stranger).rejects.toThrow(/the data of broker 1; give --id 1/);
  });

  test("keeps who formed the cluster, whoever is named to find it by", async () => {
    const identity = await openIdentity(disk, random, directory, claim);
    await writeIdentity(disk, directory, { ...identity, hasJoined: true, clusterId: "c" });
    const later = await openIdentity(disk, random, directory, { brokerId: 1, bootstrapIds: [7] });
    expect(later.bootstrapIds).toEqual([1, 2, 3]);
  });
});
