import { brokerBugs } from "./broker-bugs.ts";
import { clientBugs } from "./client-bugs.ts";
import { diskBugs } from "./disk-bugs.ts";
import { groupBugs } from "./group-bugs.ts";
import { membershipBugs } from "./membership-bugs.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { raftBugs } from "./raft-bugs.ts";

/** Each is known from the history of some system, or is one line away from ours. */
export const plantedBugs: readonly PlantedBug[] = [
  ...diskBugs,
  ...raftBugs,
  ...membershipBugs,
  ...brokerBugs,
  ...groupBugs,
  ...clientBugs,
];
