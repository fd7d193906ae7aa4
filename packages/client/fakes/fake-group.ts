import {
  type CommittedOffset,
  groupService,
  RopewalkError,
  type TopicPartitions,
} from "@ropewalk/protocol";
import type { ScriptedBroker } from "./scripted-broker.ts";

interface Member {
  epoch: number;
  owned: number[];
}

/**
 * A coordinator of one group that reads the topic "t": partitions go to members in turn, and to a new owner
 * only once the old one stopped naming them.
 */
export class FakeGroup {
  readonly members = new Map<string, Member>();
  readonly committed = new Map<number, number>();
  readonly commits: (readonly CommittedOffset[])[] = [];
  readonly left: string[] = [];
  /** The partitions of every heartbeat, by member. */
  readonly ownedSeen: { readonly memberId: string; readonly owned: readonly number[] }[] = [];
  heartbeatIntervalMs = 20;
  readonly #partitionCount: number;
  #epoch = 0;

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount;
  }

  /** Makes the broker the coordinator. */
  serve(broker: ScriptedBroker): void {
    broker.on(groupService.heartbeat, ({ memberId, memberEpoch, owned }) =>
      this.#beat(memberId, memberEpoch, owned),
    );
    broker.on(groupService.commitOffsets, ({ memberId, memberEpoch, offsets }) => {
      this.#check(memberId, memberEpoch);
      this.commits.push(offsets);
      for (const { partition, offset } of offsets) this.committed.set(partition, offset);
      return {};
    });
    broker.on(groupService.fetchOffsets, ({ partitions }) => ({
      offsets: (partitions[0]?.partitions ?? []).map((partition) => ({
        topic: "t",
        partition,
        offset: this.committed.get(partition) ?? -1,
      })),
    }));
  }

  /** Forgets a member, as after its session timed out. */
  forget(memberId: string): void {
    this.members.delete(memberId);
    this.#epoch++;
  }

  #beat(memberId: string, memberEpoch: number, owned: readonly TopicPartitions[]): object {
    if (memberEpoch === -1) {
      this.left.push(memberId);
      this.forget(memberId);
      return {};
    }
    if (memberEpoch === 0) {
      this.#epoch++;
      this.members.set(memberId, { epoch: this.#epoch, owned: [] });
    } else {
      this.#check(memberId, memberEpoch);
    }
    const member = this.members.get(memberId) as Member;
    const named = owned.flatMap(({ partitions }) => partitions);
    this.ownedSeen.push({ memberId, owned: named });
    const target = this.#target(memberId);
    // What it was given stays its own until it stops naming it.
    member.owned = member.owned.filter(
      (partition) => named.includes(partition) || target.includes(partition),
    );
    const taken = [...this.members].flatMap(([id, other]) => (id === memberId ? [] : other.owned));
    const assigned = target.filter((partition) => !taken.includes(partition));
    member.owned = [...new Set([...member.owned, ...assigned])];
    member.epoch = this.#epoch;
    return {
      memberEpoch: member.epoch,
      heartbeatIntervalMs: this.heartbeatIntervalMs,
      assignment: [{ topic: "t", partitions: assigned }],
    };
  }

  #target(memberId: string): number[] {
    const ids: string[] = [...this.members.keys()];
    ids.sort();
    const partitions = Array.from({ length: this.#partitionCount }, (_, partition) => partition);
    return partitions.filter((partition) => ids[partition % ids.length] === memberId);
  }

  #check(memberId: string, memberEpoch: number): void {
    const member = this.members.get(memberId);
    if (member === undefined) throw new RopewalkError("UNKNOWN_MEMBER_ID", `no member ${memberId}`);
    if (member.epoch !== memberEpoch)
      throw new RopewalkError("FENCED_MEMBER_EPOCH", `epoch ${memberEpoch}`);
  }
}
