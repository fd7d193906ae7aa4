import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterService } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { BrokerTrio } from "../../fakes/broker-trio.ts";
import { codeOf } from "../../fakes/own-broker.ts";

/** What a founder leaves behind whose process died when it had found the others and noted that. */
function leaveFounder(directory: string): void {
  const identity = {
    formatVersion: 1,
    directoryId: "00000000-0000-4000-8000-000000000004",
    brokerId: 4,
    clusterId: "",
    startCount: 1,
    bootstrapIds: [1, 2, 3, 4],
    hasJoined: true,
    enteredIndex: 0,
    hasJournal: false,
  };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "identity.json"), JSON.stringify(identity));
}

test("a founder that went away before it registered comes back though it votes no more", async () => {
  await using trio = await BrokerTrio.startFirst(4, {
    formationGraceMs: 100,
    brokerHeartbeatMs: 50,
    brokerSessionTimeoutMs: 300,
    membershipCheckMs: 50,
  });
  leaveFounder(dirname(trio.logDirectory(4)));
  // As long as four vote, none of the three can be spared.
  const drain = { brokerId: 3, dryRun: true };
  await expect
    .poll(() => codeOf(trio.callAny(clusterService.drainBroker, drain)), { timeout: 20_000 })
    .toBe("no error");
  await trio.start(4);
}, 60_000);
