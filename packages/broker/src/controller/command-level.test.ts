import { expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { commandLevels } from "./command-level.ts";
import { supportedFeatureLevels } from "./feature-level.ts";
import { metadataState } from "./metadata-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import { MetadataImage } from "./metadata-image.ts";

/** What brokers that work at level 1 only can read. They are out there: nothing is ever added to this list. */
const commandsOfLevel1: readonly MetadataCommand["kind"][] = [
  "clusterFormed",
  "brokerRegistered",
  "topicCreated",
  "topicDeleted",
  "producerIdsAllocated",
  "partitionsReassigned",
  "movesStarted",
  "moveCompleted",
  "moveThrottleSet",
  "topicConfigsAltered",
  "brokerConfigsAltered",
  "partitionsCreated",
  "brokerStateChanged",
  "featureLevelRaised",
];

const kinds = Object.keys(commandLevels) as MetadataCommand["kind"][];
const brokerIds = [1, 2, 3, 4, 5];
const stepCount = 2000;

test("commandLevels has every command that is not of the first version at a higher level, up to the highest there is", () => {
  for (const kind of kinds) {
    const isOfFirst = commandsOfLevel1.includes(kind);
    expect(commandLevels[kind], kind).toBeGreaterThanOrEqual(isOfFirst ? 1 : 2);
    expect(commandLevels[kind], kind).toBeLessThanOrEqual(
      isOfFirst ? 1 : supportedFeatureLevels.max,
    );
  }
});

test.for([1, 2, 3, 4, 5])(
  "MetadataImage at feature level 1 is, byte for byte, what a broker has that knows no more, seed %i",
  (seed) => {
    const random = randomFrom(seed);
    const [older, newer] = [new MetadataImage(), new MetadataImage()];
    for (let index = 1; index <= stepCount; index++) {
      const command = index === 1 ? registered(1) : anyCommand(random, index);
      newer.apply(command, index);
      // A broker of level 1 cannot read what came later, and passes it over.
      if (commandsOfLevel1.includes(command.kind)) older.apply(command, index);
    }
    expect(newer.featureLevel).toBe(1);
    expect(newer.newcomerIds.size + older.newcomerIds.size).toBe(0);
    expect(newer.topics.size).toBeGreaterThan(0);
    const stateOf = (image: MetadataImage) => metadataState(image, stepCount, undefined);
    expect(stateOf(newer)).toEqual(stateOf(older));
  },
);

test("MetadataImage remembers who joins, and forgets removed directories, from the level on that has it", () => {
  const image = new MetadataImage();
  image.apply(registered(2), 1);
  image.apply(topicCreated("t", 2), 2);
  image.apply(registered(4), 3);
  for (let index = 10; index < 1210; index++) removeAnew(image, index);
  expect([...image.newcomerIds]).toEqual([]);
  expect(image.removedDirectories.size).toBe(1200);

  image.apply({ kind: "featureLevelRaised", level: 2 }, 2000);
  image.apply(registered(3), 2001);
  removeAnew(image, 2002);
  expect([...image.newcomerIds]).toEqual([3]);
  expect(image.removedDirectories.size).toBe(1000);
  image.apply({ kind: "newcomersSettled", brokerIds: [3] }, 2004);
  expect([...image.newcomerIds]).toEqual([]);
});

/** Anything that a controller may put into its log; not all of it has an effect. Broker 1 works at level 1 only. */
function anyCommand(random: () => number, index: number): MetadataCommand {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const brokerId = pick(brokerIds);
  switch (pick(["register", "remove", "create", "delete", "grow", "raise", "settle"] as const)) {
    case "register":
      return registered(brokerId);
    case "remove":
      return removed(Math.max(brokerId, 2));
    case "create":
      return topicCreated(pick(["a", "b", "c"]), index);
    case "delete":
      return { kind: "topicDeleted", topicId: pick(["id-of-a", "id-of-b"]) };
    case "grow":
      return {
        kind: "partitionsCreated",
        topicId: "id-of-c",
        partitionCount: 1,
        partitions: [{ replicaIds: [brokerId] }],
      };
    case "raise":
      return { kind: "featureLevelRaised", level: 2 };
    case "settle":
      return { kind: "newcomersSettled", brokerIds: [brokerId] };
  }
}

/** Numbers in [0, 1) that depend on the seed alone (Mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function registered(brokerId: number, directoryId = `dir-${brokerId}`): MetadataCommand {
  const featureLevels = brokerId === 1 ? { min: 1, max: 1 } : supportedFeatureLevels;
  const broker = sampleRegistration(brokerId, { directoryId, featureLevels });
  return { kind: "brokerRegistered", broker, replacedDirectoryId: "" };
}

function removed(brokerId: number, directoryId = `dir-${brokerId}`): MetadataCommand {
  return { kind: "brokerStateChanged", brokerId, directoryId, life: "removed" };
}

function removeAnew(image: MetadataImage, index: number): void {
  const directoryId = `dir-of-${index}`;
  image.apply(registered(9, directoryId), index);
  image.apply(removed(9, directoryId), index);
}

function topicCreated(name: string, index: number): MetadataCommand {
  return {
    kind: "topicCreated",
    name,
    topicId: `id-of-${name}`,
    internal: false,
    configs: new Map([["made.at", String(index)]]),
    partitions: [{ replicaIds: [1] }],
  };
}
