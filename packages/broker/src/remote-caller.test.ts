import { clusterService, RopewalkError } from "@ropewalk/protocol";
import { describe, expect, test } from "vitest";
import { RemoteCaller } from "./remote-caller.ts";

const nobody = { request: () => Promise.reject(new Error("nobody is asked here")) };

describe("RemoteCaller.answer()", () => {
  const method = clusterService.describeCluster;

  test("tells a broker that is no part of the cluster so that its clients go to another one", async () => {
    const caller = new RemoteCaller(1, 1000, () => nobody);
    caller.handle(method, () => Promise.resolve({ clusterId: "mine" }));
    const answer = caller.answer(4, method.path, new Uint8Array(0), true);
    const error: unknown = await answer.catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(RopewalkError);
    expect(error).toMatchObject({ retriable: true, outcome: "definite" });
  });

  test("answers such a broker what it may ask", async () => {
    const caller = new RemoteCaller(1, 1000, () => nobody);
    caller.handleStrangers(method, () => Promise.resolve({ clusterId: "mine" }));
    const bytes = await caller.answer(4, method.path, new Uint8Array(0), true);
    expect(method.responseDeserialize(Buffer.from(bytes)).clusterId).toBe("mine");
  });

  test("says that a broker of an older version was asked for what a newer one has", async () => {
    const caller = new RemoteCaller(1, 1000, () => nobody);
    await expect(caller.answer(4, method.path, new Uint8Array(0))).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringMatching(/version .+ of broker 1 does not know the call; .+ upgrade/),
    });
  });
});
