import { expect, test } from "vitest";
import { sampleRegistration } from "../../fakes/sample-broker.ts";
import { BrokerAdmission } from "./broker-admission.ts";
import { MetadataImage } from "./metadata-image.ts";

const registration = sampleRegistration(4);

const both = { min: 1, max: 2 };

test("BrokerAdmission.enter() makes no member of a broker that cannot work at the cluster's feature level", async () => {
  const image = new MetadataImage();
  const learners: number[] = [];
  const admission = new BrokerAdmission({
    image,
    life: { featuresChanged: () => undefined, isHeard: () => false, registered: () => undefined },
    membership: {
      makeEmptyLearner: async (brokerId) => {
        learners.push(brokerId);
      },
    },
    expectLeading: () => undefined,
    propose: async (_action, command) => image.apply(command, 3),
  });
  const founder = { ...registration, brokerId: 1, directoryId: "first", featureLevels: both };
  image.apply({ kind: "brokerRegistered", broker: founder, replacedDirectoryId: "" }, 1);
  image.apply({ kind: "featureLevelRaised", level: 2 }, 2);
  await expect(admission.enter(registration)).rejects.toMatchObject({
    code: "INVALID_REQUEST",
    message: expect.stringContaining("it works at feature levels 1 to 1, and the cluster is at 2"),
  });
  expect(learners).toEqual([]);
  await admission.enter({ ...registration, featureLevels: both });
  expect(learners).toEqual([4]);
});
