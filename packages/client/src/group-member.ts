import type { HeartbeatRequestInit, HeartbeatResponse, TopicPartitions } from "@ropewalk/protocol";

/** One partition of one topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition that a member reads, and by which grant: another one, of all members, after it was given up in between. */
export interface GrantedPartition extends TopicPartition {
  readonly grant: string;
}

/** What an answer of the coordinator changes. */
export interface AssignmentChange {
  /** To be given up: stop reading, commit, then `released`. */
  readonly revoked: readonly TopicPartition[];
  /** To be read from now on; they count as owned already. */
  readonly granted: readonly GrantedPartition[];
}

/** Who the member is. */
export interface GroupMemberOptions {
  readonly groupId: string;
  readonly memberId: string;
  readonly clientId: string;
  readonly topics: readonly string[];
  /** 0: the coordinator's default. */
  readonly sessionTimeoutMs: number;
}

const joinEpoch = 0;
const leaveEpoch = -1;

/**
 * The member's side of a consumer group in the manner of KIP-848, as a state machine: the coordinator says
 * what the member is to read, the member says what it reads. A partition changes hands only after its owner
 * stopped naming it, so no two members read it at a time.
 */
export class GroupMember {
  readonly #options: GroupMemberOptions;
  readonly #owned = new Map<string, GrantedPartition>();
  /** Of what it owns, and of what it has given up since its last heartbeat: nobody else can have that yet. */
  readonly #grants = new Map<string, string>();
  readonly #everGranted = new Set<string>();
  #grantCount = 0;
  #epoch = joinEpoch;

  constructor(options: GroupMemberOptions) {
    this.#options = options;
  }

  get memberId(): string {
    return this.#options.memberId;
  }

  /** The epoch that commits carry; 0 while it is not a member. */
  get epoch(): number {
    return this.#epoch;
  }

  /** What it reads. */
  get owned(): readonly TopicPartition[] {
    return [...this.#owned.values()];
  }

  /** By which grant the partition is nobody else's; `undefined`: it may be. */
  grantOf(partition: TopicPartition): string | undefined {
    return this.#grants.get(keyOf(partition));
  }

  /** Whether it ever read a partition. */
  hasRead(partition: TopicPartition): boolean {
    return this.#everGranted.has(keyOf(partition));
  }

  /** The next heartbeat, which leaves now: joins where it is not a member. */
  heartbeat(): HeartbeatRequestInit {
    for (const key of this.#grants.keys()) if (!this.#owned.has(key)) this.#grants.delete(key);
    return { ...this.#options, memberEpoch: this.#epoch, owned: byTopic(this.owned) };
  }

  /** The last heartbeat. */
  leave(): HeartbeatRequestInit {
    return { ...this.#options, memberEpoch: leaveEpoch };
  }

  /** Takes over the coordinator's answer. */
  answered(response: HeartbeatResponse): AssignmentChange {
    this.#epoch = response.memberEpoch;
    const assigned = new Map(flat(response.assignment).map((one) => [keyOf(one), one]));
    const revoked = this.owned.filter((one) => !assigned.has(keyOf(one)));
    const granted = [...assigned.values()]
      .filter((one) => !this.#owned.has(keyOf(one)))
      .map((one) => ({ ...one, grant: `${this.memberId}/${++this.#grantCount}` }));
    for (const one of granted) {
      this.#owned.set(keyOf(one), one);
      this.#grants.set(keyOf(one), one.grant);
      this.#everGranted.add(keyOf(one));
    }
    return { revoked, granted };
  }

  /** The partitions were stopped and committed: the next heartbeat does not name them any more. */
  released(partitions: readonly TopicPartition[]): void {
    for (const one of partitions) this.#owned.delete(keyOf(one));
  }

  /** The coordinator does not know the member, or not with this epoch: it joins anew and has lost what is answered. */
  fenced(): readonly TopicPartition[] {
    const lost = this.owned;
    this.#owned.clear();
    this.#grants.clear();
    this.#epoch = joinEpoch;
    return lost;
  }
}

/** A name for maps: no topic contains a slash. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Partitions as messages have them. */
export function byTopic(partitions: readonly TopicPartition[]): TopicPartitions[] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  return [...topics].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map(({ partition }) => partition),
  }));
}

function flat(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
