/** The part of a broker's description that a client needs to reach it. */
export interface BrokerEndpoint {
  readonly brokerId: number;
  readonly host: string;
  readonly port: number;
  readonly rack?: string;
  /** Absent where nobody said. */
  readonly alive?: boolean;
}

/** Who leads a partition: `leaderId` 0 is nobody known, `leaderEpoch` the term of that knowledge. */
export interface PartitionLeader {
  readonly partition: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaIds?: readonly number[];
}

/** The part of a topic's description that a client routes by. */
export interface TopicLeaders {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly PartitionLeader[];
}

/** What one broker answered about the cluster. */
export interface MetadataAnswer {
  readonly brokers: readonly BrokerEndpoint[];
  readonly topics: readonly TopicLeaders[];
}

interface CachedTopic {
  readonly topicId: string;
  readonly leaders: PartitionLeader[];
}

/**
 * What the client knows of brokers and leaders. Brokers learn of elections at different times, so
 * answers contradict each other: the newest leader epoch wins, whoever said it and whenever.
 */
export class MetadataCache {
  readonly #brokers = new Map<number, BrokerEndpoint>();
  readonly #topics = new Map<string, CachedTopic>();

  /** Takes over an answer to a question about `asked`; asked topics that are missing in it do not exist. */
  merge(answer: MetadataAnswer, asked: Iterable<string>): void {
    if (answer.brokers.length > 0) this.#replaceBrokers(answer.brokers);
    const missing = new Set(asked);
    for (const topic of answer.topics) {
      missing.delete(topic.name);
      this.#mergeTopic(topic);
    }
    for (const name of missing) this.#topics.delete(name);
  }

  #replaceBrokers(brokers: readonly BrokerEndpoint[]): void {
    this.#brokers.clear();
    for (const broker of brokers) this.#brokers.set(broker.brokerId, broker);
  }

  #mergeTopic(topic: TopicLeaders): void {
    const known = this.#topics.get(topic.name);
    // A topic that was deleted and created again starts with epochs of its own.
    const sameTopic = known !== undefined && known.topicId === topic.topicId;
    const leaders = sameTopic ? known.leaders : [];
    for (const incoming of topic.partitions) {
      const cached = leaders[incoming.partition];
      if (cached === undefined || isNewer(incoming, cached)) leaders[incoming.partition] = incoming;
    }
    this.#topics.set(topic.name, { topicId: topic.topicId, leaders });
  }

  /** How many partitions a topic has; `undefined` where the topic is not known. */
  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.leaders.length;
  }

  /** The id of the broker that leads a partition; `undefined` where nobody is known to. */
  leader(topic: string, partition: number): number | undefined {
    const leaderId = this.#topics.get(topic)?.leaders[partition]?.leaderId ?? 0;
    return leaderId === 0 ? undefined : leaderId;
  }

  /**
   * A broker of the rack that has a replica of the partition, and is not known to be silent: the leader where it
   * is one, else one and the same for a partition; `undefined` where there is none.
   */
  replicaIn(topic: string, partition: number, rack: string): number | undefined {
    const known = this.#topics.get(topic)?.leaders[partition];
    const near = (known?.replicaIds ?? []).filter((id) => {
      const broker = this.#brokers.get(id);
      return broker?.rack === rack && broker.alive !== false;
    });
    const leads = near.find((id) => id === known?.leaderId);
    return leads ?? near[partition % near.length];
  }

  /**
   * Takes note that `refusedBy` does not lead the partition. `hintId` is whom it named instead. What a
   * later leader said in the meantime stays.
   */
  refused(topic: string, partition: number, refusedBy: number, hintId?: number): void {
    const leaders = this.#topics.get(topic)?.leaders;
    const known = leaders?.[partition];
    if (leaders === undefined || known === undefined) return;
    if (known.leaderId !== refusedBy && known.leaderId !== 0) return;
    const leaderId = hintId !== undefined && hintId !== refusedBy ? hintId : 0;
    leaders[partition] = { ...known, leaderId };
  }

  /** Takes note that a broker cannot be reached: it leads nothing until somebody says so again. */
  unreachable(brokerId: number): void {
    for (const { leaders } of this.#topics.values()) {
      for (const [partition, known] of leaders.entries()) {
        if (known.leaderId === brokerId) leaders[partition] = { ...known, leaderId: 0 };
      }
    }
  }

  /** Where to reach a broker; `undefined` where no answer named it. */
  broker(brokerId: number): BrokerEndpoint | undefined {
    return this.#brokers.get(brokerId);
  }

  /** Every broker that the last answer named. */
  brokers(): readonly BrokerEndpoint[] {
    return [...this.#brokers.values()];
  }
}

/** Within one epoch there is one leader, so an answer that names it beats one that knows none. */
function isNewer(incoming: PartitionLeader, cached: PartitionLeader): boolean {
  if (incoming.leaderEpoch !== cached.leaderEpoch) return incoming.leaderEpoch > cached.leaderEpoch;
  return incoming.leaderId !== 0;
}
