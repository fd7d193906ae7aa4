import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "@ropewalk/client";
import { brokerHealthService, clusterService, configService } from "@ropewalk/protocol";
import { GrpcCaller } from "../../test/cluster/grpc-caller.ts";
import { metricOf } from "../../test/cluster/metric-of.ts";
import type { ProcessCluster } from "../../test/cluster/process-cluster.ts";
import { waitFor } from "../../test/cluster/wait-for.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";

/** A number of partitions, in topics of the same size. */
export interface PartitionPlan {
  readonly topicCount: number;
  readonly partitionsPerTopic: number;
}

const createTimeoutMs = 120_000;
const ledMsMax = 600_000;
const topicsAtOnce = 4;
const lookMs = 100;

/** Many partitions on a cluster of processes, and what can be seen of them from outside. */
export class LargeCluster implements Disposable {
  readonly #cluster: ProcessCluster;
  readonly #plan: PartitionPlan;
  readonly #callers = new Map<number, GrpcCaller>();

  constructor(cluster: ProcessCluster, plan: PartitionPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
  }

  /** Names of the topics. */
  get topics(): readonly string[] {
    return Array.from({ length: this.#plan.topicCount }, (_, i) => `scale-${i}`);
  }

  /** Makes the topics, a few at a time, with a replica of everything on every broker. */
  async createTopics(): Promise<void> {
    const { bootstrapServers, brokerIds } = this.#cluster;
    await using client = createClient({ bootstrapServers });
    const admin = client.admin({ timeoutMs: createTimeoutMs });
    const names = [...this.topics];
    const create = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const partitionCount = this.#plan.partitionsPerTopic;
        await admin.createTopic({ name, partitionCount, replicationFactor: brokerIds.length });
      }
    };
    await Promise.all(Array.from({ length: topicsAtOnce }, create));
  }

  /** Resolves when every broker that runs knows every partition, and a leader of each. */
  async led(): Promise<void> {
    const { partitionsPerTopic, topicCount } = this.#plan;
    for (const id of this.#cluster.runningIds) {
      await waitUntil(`broker ${id} knows a leader of every partition`, async () => {
        const seen = await this.#caller(id).call(clusterService.describeCluster, {});
        const isComplete = seen.partitionCount >= topicCount * partitionsPerTopic;
        return isComplete && seen.leaderless.length === 0;
      });
    }
  }

  /** Resolves when no leader says that a replica lacks something, and every replica knows its leader. */
  async caughtUp(): Promise<void> {
    await this.led();
    for (const id of this.#cluster.runningIds) {
      await waitUntil(`broker ${id} counts no replica that lacks something`, async () => {
        const health = await this.#caller(id).call(brokerHealthService.describeBrokerHealth, {});
        if (health.underReplicatedCount > 0 || health.absentReplicaCount > 0) return false;
        return (await metricOf(this.#cluster, id, "ropewalk_replicas_leaderless")) === 0;
      });
    }
  }

  /** The value of a topic's config as the broker knows it. */
  async configOf(id: number, topic: string, name: string): Promise<string | undefined> {
    const request = { resourceType: "TOPIC", resourceName: topic, names: [name] } as const;
    const { configs } = await this.#caller(id).call(configService.describeConfigs, request);
    return configs[0]?.value;
  }

  /** Elections that were begun so far, by all brokers in their present lives. */
  async electionCount(): Promise<number> {
    return this.sumOf("ropewalk_elections_started_total");
  }

  /** A metric of all brokers that run, added up. */
  async sumOf(metric: string): Promise<number> {
    const { runningIds } = this.#cluster;
    const each = await Promise.all(runningIds.map((id) => metricOf(this.#cluster, id, metric)));
    return each.reduce((sum, value) => sum + value, 0);
  }

  /** What the brokers' processes have taken so far, in the order of their ids. */
  usages(): ProcessUsage[] {
    return this.#cluster.runningIds.map((id) => processUsage(this.#cluster.pid(id)));
  }

  /** Forgets connections to a broker that ends. */
  disconnect(id: number): void {
    this.#callers.get(id)?.[Symbol.dispose]();
    this.#callers.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of this.#cluster.brokerIds) this.disconnect(id);
  }

  #caller(id: number): GrpcCaller {
    const known = this.#callers.get(id);
    if (known !== undefined) return known;
    const caller = new GrpcCaller(`127.0.0.1:${this.#cluster.clientPort(id)}`);
    this.#callers.set(id, caller);
    return caller;
  }
}

/** A question that a broker cannot answer yet is asked again. */
async function waitUntil(what: string, condition: () => Promise<boolean>): Promise<void> {
  await waitFor(what, ledMsMax, async () => {
    if (await condition().catch(() => false)) return true;
    await delay(lookMs);
    return false;
  });
}
