import { ropewalk } from "../cluster/run-command.ts";
import { NumberedStream } from "../cluster/numbered-stream.ts";
import type { FaultKind } from "./fault-kind.ts";
import type { FaultScene } from "./fault-scene.ts";
import { createTopic, deleteTopic, expectLed } from "./topic-steps.ts";

const recordCount = 500;
const partitionCount = 3;

/** Records of one life of a topic that is deleted again and again. */
async function oneLife(scene: FaultScene, topic: string): Promise<void> {
  const { bootstrapServers } = scene.cluster;
  await createTopic(bootstrapServers, topic, partitionCount);
  await using stream = new NumberedStream(bootstrapServers, topic, partitionCount, recordCount);
  await stream.run();
  // Offsets from 0 and only its own records: nothing of an earlier life is left.
  await stream.expectWhole(bootstrapServers);
}

/** What happens to topics at a bad moment. */
export const adminFaults: readonly FaultKind[] = [
  {
    name: "recreate-topic",
    strike: async (scene) => {
      const { bootstrapServers } = scene.cluster;
      const topic = `lives-${scene.random.integer(2 ** 31)}`;
      const victim = scene.anyBroker();
      await oneLife(scene, topic);
      const isKilled = scene.random.oneIn(2);
      if (isKilled) {
        // It hears of the deletion, and of the topic that has its name, when it comes back.
        scene.note(`kill -9 ${victim} before the topic is deleted`);
        await scene.cluster.kill(victim);
      }
      scene.note(`delete and re-create ${topic}`);
      await deleteTopic(bootstrapServers, topic);
      await oneLife(scene, topic);
      if (isKilled) {
        scene.cluster.spawn(victim);
        await scene.cluster.ready();
        await expectLed(bootstrapServers, topic);
      }
      await deleteTopic(bootstrapServers, topic);
      const list = await ropewalk(["topic", "list", "--format", "json"], { bootstrapServers });
      if (list.stdout.toString().includes(topic)) throw new Error(`${topic} is still there`);
    },
  },
];
