import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { MetadataImage } from "./metadata-image.ts";
import { MetadataProposer } from "./metadata-proposer.ts";

const { clock } = nodeRuntime({ log: { level: "silent" } });

test("MetadataProposer.propose() puts no command into the log that a broker may not know yet, and says what is to be done", async () => {
  let proposals = 0;
  const group: Pick<RaftGroup, "propose" | "leaderId"> = {
    leaderId: 1,
    propose: () => {
      proposals += 1;
      return { kind: "busy" };
    },
  };
  const image = new MetadataImage();
  const machine: Pick<ControllerMachine, "image" | "lastOutcome"> = {
    image,
    lastOutcome: { kind: "done" },
  };
  const proposer = new MetadataProposer({
    group: () => group as RaftGroup,
    machine: machine as ControllerMachine,
    proposer: new CommandProposer(clock, 1000),
  });
  const settle = () =>
    proposer.propose("settle brokers that joined", { kind: "newcomersSettled", brokerIds: [4] });
  await expect(settle()).rejects.toMatchObject({
    code: "POLICY_VIOLATION",
    message:
      "Cannot settle brokers that joined: that is possible from feature level 2 on, and the cluster is at 1; upgrade every broker first, then run ropewalk cluster upgrade",
  });
  expect(proposals).toBe(0);
  image.restore({
    clusterId: "c",
    nextGroupId: 2,
    nextProducerId: 1,
    featureLevel: 2,
    moveThrottle: 0,
    brokers: [],
    removedDirectories: [],
    topics: [],
  });
  await expect(settle()).rejects.toMatchObject({ code: "BUSY" });
  expect(proposals).toBe(1);
});
