import { countReplicas } from "../controller/replica-count.ts";
import {
  controllerGroupId,
  type MetadataImage,
  type TopicImage,
} from "../controller/metadata-image.ts";
import { brokerStateOf } from "../controller/broker-life.ts";
import type { LeaderTable } from "../leadership/leader-table.ts";
import type { BrokerView, ClusterView, TopicView } from "../ports.ts";
import type { ConfState } from "raft-ts";

/** The cluster as one broker sees it: its metadata image, and who is said to lead. */
export class ImageView implements ClusterView {
  readonly brokerId: number;
  readonly #image: MetadataImage;
  readonly #leaders: LeaderTable;
  readonly #isAlive: (brokerId: number) => boolean;
  readonly #controllerMembers: () => ConfState;

  constructor(
    brokerId: number,
    image: MetadataImage,
    leaders: LeaderTable,
    isAlive: (brokerId: number) => boolean,
    controllerMembers: () => ConfState,
  ) {
    this.#controllerMembers = controllerMembers;
    this.brokerId = brokerId;
    this.#image = image;
    this.#leaders = leaders;
    this.#isAlive = isAlive;
  }

  clusterId(): string {
    return this.#image.clusterId;
  }

  controllerId(): number {
    return this.#leaderOf(controllerGroupId);
  }

  featureLevel(): number {
    return this.#image.featureLevel;
  }

  brokers(): readonly BrokerView[] {
    const replicas = countReplicas(this.#image.topics.values());
    const led = this.#countLed();
    return [...this.#image.brokers.values()]
      .toSorted((a, b) => a.brokerId - b.brokerId)
      .map((broker) => ({
        ...broker,
        host: broker.client.host,
        port: broker.client.port,
        alive: this.#isAlive(broker.brokerId),
        ledPartitionCount: led.get(broker.brokerId) ?? 0,
        replicaCount: replicas.get(broker.brokerId) ?? 0,
        state: brokerStateOf(broker, led.get(broker.brokerId) ?? 0),
        controllerRole: this.#controllerRole(broker.brokerId),
      }));
  }

  topics(): readonly TopicView[] {
    return [...this.#image.topics.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((topic) => this.viewTopic(topic));
  }

  topic(name: string): TopicView | undefined {
    const topic = this.#image.topics.get(name);
    return topic === undefined ? undefined : this.viewTopic(topic);
  }

  leaderless(): readonly { readonly topic: string; readonly partition: number }[] {
    return [...this.#image.topics.values()].flatMap(({ name, partitions }) =>
      partitions
        .filter(({ groupId }) => this.#leaderOf(groupId) === 0)
        .map(({ partition }) => ({ topic: name, partition })),
    );
  }

  /** Whether the topic is known here with all of these partitions, and each has a leader: it can be used. */
  isLed({ name, partitions, topicId }: TopicImage): boolean {
    const topic = this.#image.topics.get(name);
    if (topic?.topicId !== topicId || topic.partitions.length < partitions.length) return false;
    return topic.partitions.every(({ groupId }) => this.#leaderOf(groupId) !== 0);
  }

  /** A topic with its leaders; those of silent brokers do not count. */
  viewTopic(topic: TopicImage): TopicView {
    const { name, topicId, internal, configs } = topic;
    const partitions = topic.partitions.map(({ partition, groupId, replicaIds }) => ({
      partition,
      replicaIds,
      leaderId: this.#leaderOf(groupId),
      leaderEpoch: this.#leaders.get(groupId)?.term ?? 0,
    }));
    return { name, topicId, internal, configs, partitions };
  }

  #controllerRole(brokerId: number): BrokerView["controllerRole"] {
    const { learners, voters } = this.#controllerMembers();
    if (voters.includes(brokerId)) return "voter";
    return learners.includes(brokerId) ? "learner" : "none";
  }

  #leaderOf(groupId: number): number {
    const leaderId = this.#leaders.get(groupId)?.leaderId ?? 0;
    return leaderId !== 0 && this.#isAlive(leaderId) ? leaderId : 0;
  }

  #countLed(): Map<number, number> {
    const led = new Map<number, number>();
    for (const { partitions } of this.#image.topics.values()) {
      for (const { groupId } of partitions) {
        const leaderId = this.#leaderOf(groupId);
        led.set(leaderId, (led.get(leaderId) ?? 0) + 1);
      }
    }
    return led;
  }
}
