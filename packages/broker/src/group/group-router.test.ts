import type { Logger } from "@ropewalk/runtime";
import { groupService, RopewalkError } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { SimulatedClock } from "../../fakes/simulated-clock.ts";
import { anonymous } from "../ports.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { GroupRouter } from "./group-router.ts";

const logger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger };

test("GroupRouter.listGroups() asks all coordinators at once, and answers in time what some of them said", async () => {
  const clock = new SimulatedClock();
  const asked: number[] = [];
  const caller = new RemoteCaller(1, 10_000, () => ({
    request: (to, _method, _body, timeoutMs) => {
      asked.push(to);
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
      const groups = [{ groupId: `g${to}`, state: "STABLE", memberCount: 1 }] as const;
      if (to === 4) resolve(groupService.listGroups.responseSerialize({ groups }));
      else
        clock.setTimer(timeoutMs, () =>
          reject(new RopewalkError("REQUEST_TIMED_OUT", `no answer from broker ${to}`)),
        );
      return promise;
    },
  }));
  const router = new GroupRouter({
    brokerId: 1,
    clock,
    logger,
    caller,
    partitionCount: () => 6,
    leaderOf: (partition) => [2, 3, 4][partition % 3] ?? 0,
    createTopic: () => Promise.resolve(),
    timeoutMs: 10_000,
  });
  const answers: unknown[] = [];
  void router.listGroups(anonymous, { timeoutMs: 2_000 }).then((answer) => answers.push(answer));
  await clock.run(1_999);
  expect(asked).toEqual([2, 3, 4]);
  expect(answers).toEqual([]);
  await clock.run(1);
  router.stop();
  expect(answers).toMatchObject([
    {
      groups: [{ groupId: "g4" }],
      errors: [
        { message: "Some groups are missing: no answer from broker 2" },
        { message: "Some groups are missing: no answer from broker 3" },
      ],
    },
  ]);
});
