import { NumberedStream } from "../cluster/numbered-stream.ts";
import type { FaultKind } from "./fault-kind.ts";
import type { FaultScene } from "./fault-scene.ts";
import { expectIdentical } from "./identical-replicas.ts";
import { createTopic, deleteTopic, expectLed } from "./topic-steps.ts";

const partitionCountUsually = 6;

/**
 * One fault under load, and what must hold afterwards: everything is led again and takes records; what was
 * acknowledged is there once and in order, as the command line reads it; all replicas hold the same bytes.
 */
export async function faultRound(scene: FaultScene, kind: FaultKind, topic: string): Promise<void> {
  const { cluster } = scene;
  const bootstrapServers = cluster.addressesOf(cluster.runningIds);
  const { partitionCount = partitionCountUsually, replicationFactor } = kind;
  scene.deeds.length = 0;
  await createTopic(bootstrapServers, topic, partitionCount, replicationFactor);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount);
  scene.stream = stream;
  const running = stream.run();
  running.catch(() => undefined); // It is awaited below, unless something else fails first.
  try {
    await scene.progress();
    await kind.strike(scene);
    await cluster.ready();
    await expectLed(bootstrapServers, topic);
    await scene.progress();
  } finally {
    stream.stop();
  }
  await running;
  await stream.expectWhole(bootstrapServers);
  for (const { partition, replicaIds } of (await scene.describeTopic()).partitions) {
    await expectIdentical(cluster.addressesOf(replicaIds), topic, partition);
  }
  scene.stream = undefined;
  await deleteTopic(bootstrapServers, topic);
}
