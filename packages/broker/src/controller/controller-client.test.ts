import { peerService } from "@ropewalk/protocol/internal";
import { NodeClock } from "@ropewalk/runtime/node";
import { expect, test } from "vitest";
import { RemoteCaller } from "../remote-caller.ts";
import { ControllerClient } from "./controller-client.ts";

test("ControllerClient.stop() ends the search of those who have found no controller yet", async () => {
  const clock = new NodeClock();
  const caller = new RemoteCaller(1, 1000, () => {
    throw new Error("nobody is called");
  });
  const client = new ControllerClient({ clock, caller, controllerId: () => 0, timeoutMs: 600_000 });
  const call = client.call(peerService.allocateProducerIds, { count: 1 });
  client.stop();
  await expect(call).rejects.toMatchObject({
    code: "LEADER_NOT_AVAILABLE",
    message: expect.stringContaining("this broker is stopping"),
  });
});
