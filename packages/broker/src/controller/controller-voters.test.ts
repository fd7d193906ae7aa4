import type { ConfState } from "raft-ts";
import { describe, expect, test } from "vitest";
import { sampleBroker as broker } from "../../fakes/sample-broker.ts";
import { type BrokerImage } from "./broker-life.ts";
import {
  chooseControllerVoters,
  controllerVoters,
  type MembershipInput,
  nextMembershipChange,
  votersWithout,
  type VoterCandidate,
} from "./controller-voters.ts";

const candidate = (brokerId: number, changes: Partial<VoterCandidate> = {}): VoterCandidate => ({
  brokerId,
  rack: "",
  isVoter: false,
  isRegistered: true,
  isFenced: false,
  isLost: false,
  isLeaving: false,
  ...changes,
});

const conf = (voters: number[], learners: number[] = []): ConfState => ({
  voters,
  learners,
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});

const input = (
  changes: Partial<MembershipInput> & { readonly members?: readonly BrokerImage[] },
): MembershipInput => ({
  conf: conf([1, 2, 3]),
  brokers: new Map((changes.members ?? []).map((each) => [each.brokerId, each])),
  removedIds: new Set(),
  lostIds: new Set(),
  strayIds: new Set(),
  isAwaiting: false,
  leaderId: 1,
  isCurrent: () => true,
  holdsReplicas: () => false,
  ...changes,
});

describe("controllerVoters()", () => {
  test("has the first five of the named brokers vote, and the others follow", () => {
    expect(controllerVoters([7, 3, 1, 9, 5, 2])).toEqual({
      voters: [1, 2, 3, 5, 7],
      learners: [9],
    });
  });
});

describe("chooseControllerVoters()", () => {
  test("takes an odd number up to five", () => {
    const counts = [1, 2, 3, 4, 5, 6, 9].map((count) => {
      const candidates = Array.from({ length: count }, (_, i) => candidate(i + 1));
      return chooseControllerVoters(candidates).length;
    });
    expect(counts).toEqual([1, 2, 3, 3, 5, 5, 5]);
  });

  test("spreads them over racks before it looks at anything else but who came", () => {
    const racks = ["a", "a", "a", "b", "b", "c"];
    const candidates = racks.map((rack, i) => candidate(i + 1, { rack, isVoter: rack === "a" }));
    expect(chooseControllerVoters(candidates)).toEqual([1, 2, 4, 5, 6]);
  });

  test("keeps those that vote already where others are as good", () => {
    const candidates = [1, 2, 3, 4].map((id) => candidate(id, { isVoter: id > 1 }));
    expect(chooseControllerVoters(candidates)).toEqual([2, 3, 4]);
  });

  test("prefers a broker that came to a voter that never did", () => {
    const candidates = [
      candidate(1, { isVoter: true }),
      candidate(2, { isVoter: true }),
      candidate(3, { isVoter: true, isRegistered: false }),
      candidate(4),
    ];
    expect(chooseControllerVoters(candidates)).toEqual([1, 2, 4]);
  });
});

describe("nextMembershipChange()", () => {
  const three = [1, 2, 3].map((id) => broker(id));

  test("changes nothing where everything is as it should be", () => {
    expect(nextMembershipChange(input({ members: three }))).toBeUndefined();
  });

  test("takes a new broker in as a learner first, and as a voter once it has the log", () => {
    const members = [...three, broker(4), broker(5)];
    expect(nextMembershipChange(input({ members }))).toEqual([{ type: "addLearner", nodeId: 4 }]);
    const following = conf([1, 2, 3], [4, 5]);
    const behind = input({ members, conf: following, isCurrent: (id) => id <= 3 });
    expect(nextMembershipChange(behind)).toBeUndefined();
    expect(nextMembershipChange(input({ members, conf: following }))).toEqual([
      { type: "addVoter", nodeId: 4 },
    ]);
  });

  test("replaces the voter that never came by one that did, in one step", () => {
    const members = [1, 2, 4].map((id) => broker(id));
    const change = nextMembershipChange(input({ members, conf: conf([1, 2, 3], [4]) }));
    expect(change).toEqual([
      { type: "addVoter", nodeId: 4 },
      { type: "remove", nodeId: 3 },
    ]);
  });

  test("waits for brokers that have not come for a while, then goes on without them", () => {
    const members = [1, 2, 3].map((id) => broker(id));
    const five = { members, conf: conf([1, 2, 3, 4, 5]), isCurrent: (id: number) => id <= 3 };
    expect(nextMembershipChange(input({ ...five, isAwaiting: true }))).toBeUndefined();
    expect(nextMembershipChange(input(five))).toEqual([{ type: "remove", nodeId: 4 }]);
    const two = { ...five, members: members.slice(0, 2), conf: conf([1, 2, 3]) };
    expect(nextMembershipChange(input(two))).toBeUndefined();
  });

  test("lets the broker that is to go vote no more, and itself last", () => {
    const leaving = [broker(1), broker(2), broker(3, { duty: "decommissioned" }), broker(4)];
    const change = nextMembershipChange(input({ members: leaving, conf: conf([1, 2, 3], [4]) }));
    expect(change).toEqual([
      { type: "addVoter", nodeId: 4 },
      { type: "addLearner", nodeId: 3 },
    ]);
  });

  test("keeps the vote of a broker that is to go where two would be left, until nothing is on it any more", () => {
    const members = [broker(1), broker(2), broker(3, { duty: "decommissioned" })];
    const holding = input({ members, holdsReplicas: (id) => id === 3 });
    expect(nextMembershipChange(holding)).toBeUndefined();
    expect(nextMembershipChange(input({ members }))).toEqual([{ type: "addLearner", nodeId: 3 }]);
    // Where another one came it is not needed any longer.
    const relieved = {
      ...holding,
      brokers: new Map([...holding.brokers, [4, broker(4)]]),
      conf: conf([1, 2, 3], [4]),
    };
    expect(nextMembershipChange(relieved)).toEqual([
      { type: "addVoter", nodeId: 4 },
      { type: "addLearner", nodeId: 3 },
    ]);
  });

  test("makes no voter of a broker that is to go", () => {
    const members = [broker(1), broker(2), broker(3, { duty: "decommissioned" })];
    const held = { members, conf: conf([1, 2], [3]), holdsReplicas: () => true };
    expect(nextMembershipChange(input(held))).toBeUndefined();
  });

  test("makes no change that would leave less than a majority of voters that answer", () => {
    const members = [1, 2, 3, 4].map((id) =>
      broker(id, { duty: id === 2 ? "decommissioned" : "serving" }),
    );
    const isCurrent = (id: number): boolean => id === 1 || id === 2;
    expect(
      nextMembershipChange(input({ members, conf: conf([1, 2, 3], [4]), isCurrent })),
    ).toBeUndefined();
  });

  test("removes the learner that was taken out of the cluster", () => {
    const change = nextMembershipChange(
      input({ members: three, conf: conf([1, 2, 3], [4]), removedIds: new Set([4]) }),
    );
    expect(change).toEqual([{ type: "remove", nodeId: 4 }]);
  });
});

describe("votersWithout()", () => {
  const brokersOf = (members: readonly BrokerImage[]) =>
    new Map(members.map((each) => [each.brokerId, each]));
  const removedIds = new Set<number>();

  test("is who votes when a broker has gone, and the others that are to go, too", () => {
    const four = brokersOf([1, 2, 3, 4].map((id) => broker(id)));
    const known = { conf: conf([1, 2, 3], [4]), removedIds };
    expect(votersWithout(3, { ...known, brokers: four })).toEqual([1, 2, 4]);
    four.set(4, broker(4, { duty: "decommissioned" }));
    expect(votersWithout(3, { ...known, brokers: four })).toEqual([1, 2]);
  });

  test("counts on a voter that never came where there is nobody else", () => {
    const two = brokersOf([broker(1), broker(2)]);
    expect(votersWithout(2, { brokers: two, conf: conf([1, 2, 3]), removedIds })).toEqual([1, 3]);
  });
});

test("nextMembershipChange() has another broker take the place of a voter that was silent for long, and only where there is one", () => {
  const members = [1, 2, 3, 4].map((id) => broker(id, { fenced: id === 3 }));
  const isCurrent = (id: number): boolean => id !== 3;
  const learners = { conf: conf([1, 2, 3], [4]), members, isCurrent };
  expect(nextMembershipChange(input(learners))).toBeUndefined();
  expect(nextMembershipChange(input({ ...learners, lostIds: new Set([3]) }))).toEqual([
    { type: "addVoter", nodeId: 4 },
    { type: "addLearner", nodeId: 3 },
  ]);
  const three = { members: members.slice(0, 3), isCurrent, lostIds: new Set([3]) };
  expect(nextMembershipChange(input(three))).toBeUndefined();
});
