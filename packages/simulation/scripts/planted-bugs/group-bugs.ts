import type { PlantedBug } from "./planted-bug.ts";

/** Consumer groups and their offsets. */
export const groupBugs: readonly PlantedBug[] = [
  {
    name: "offsets of a group are not kept over a start",
    file: "broker/src/group/group-machine.ts",
    find: "for (const offset of decodeOffsets(value)) offsets.set(offsetKey(offset), offset);",
    put: "if (decodeOffsets(value).length < 0) offsets.clear();",
  },
  {
    name: "offsets of a group are left out of its checkpoints",
    file: "broker/src/group/group-machine.ts",
    find: "        this.#changedOffsets.add(command.groupId);\n",
    put: "",
  },
  {
    name: "a member commits offsets of partitions that are another's",
    file: "broker/src/group/group-membership.ts",
    find: "return member.granted.get(topic)?.includes(partition) ?? false;",
    put: "return member.memberId !== topic + partition;",
  },
];
