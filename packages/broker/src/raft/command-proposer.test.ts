import { nodeRuntime } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { CommandProposer } from "./command-proposer.ts";
import type { RaftGroup } from "./raft-group.ts";

const { clock } = nodeRuntime({ log: { level: "silent" } });

test("CommandProposer.propose() refuses a command that would not fit into a frame, before it is in the log", async () => {
  let proposals = 0;
  const group: Pick<RaftGroup, "propose" | "leaderId"> = {
    leaderId: 1,
    propose: () => {
      proposals += 1;
      return { kind: "busy" };
    },
  };
  const proposer = new CommandProposer(clock, 1000);
  const propose = (bytes: number) =>
    proposer.propose(group as RaftGroup, "try", new Uint8Array(bytes), () => undefined);
  await expect(propose(1000)).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE" });
  expect(proposals).toBe(0);
  await expect(propose(100)).rejects.toMatchObject({ code: "BUSY" });
  expect(proposals).toBe(1);
});
