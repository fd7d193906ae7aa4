/** A topic in a list. */
export interface TopicSummaryView {
  readonly name: string;
  readonly topicId: string;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly internal: boolean;
}

/** A topic with all there is to tell. */
export interface TopicView {
  readonly name: string;
  readonly topicId: string;
  readonly internal: boolean;
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionView[];
}

/** A partition; `leaderId` 0 is nobody known, `leaderEpoch` the leader's term. */
export interface PartitionView {
  readonly partition: number;
  readonly leaderId: number;
  readonly leaderEpoch: number;
  readonly replicaIds: readonly number[];
}

/** The cluster as the broker that was asked sees it; `controllerId` 0 is nobody known. */
export interface ClusterView {
  readonly clusterId: string;
  readonly controllerId: number;
  readonly topicCount: number;
  readonly partitionCount: number;
  readonly brokers: readonly BrokerView[];
  readonly leaderless: readonly { readonly topic: string; readonly partition: number }[];
}

/** A broker, and where clients reach it. */
export interface BrokerView {
  readonly brokerId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string;
  readonly alive: boolean;
  readonly version: string;
  readonly ledPartitionCount: number;
  readonly replicaCount: number;
}

/** A group in a list. */
export interface GroupSummaryView {
  readonly groupId: string;
  readonly state: string;
  readonly memberCount: number;
}

/** A group with all there is to tell. */
export interface GroupView {
  readonly groupId: string;
  readonly state: string;
  readonly coordinatorId: number;
  readonly members: readonly MemberView[];
  readonly offsets: readonly GroupOffsetView[];
}

/** A member of a group, and what it reads. */
export interface MemberView {
  readonly memberId: string;
  readonly clientId: string;
  readonly assignment: readonly {
    readonly topic: string;
    readonly partitions: readonly number[];
  }[];
}

/** How far a group is on a partition; `null` where that is not known. */
export interface GroupOffsetView {
  readonly topic: string;
  readonly partition: number;
  readonly committedOffset: number | null;
  readonly endOffset: number | null;
  readonly lag: number | null;
}
