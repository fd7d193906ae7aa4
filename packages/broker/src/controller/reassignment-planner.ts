import { takesReplicas } from "./broker-life.ts";
import type { PlanBroker } from "./broker-loads.ts";
import type { WantedReplicas } from "./metadata-command.ts";
import type { MetadataImage, PartitionImage } from "./metadata-image.ts";
import { isSameOrder } from "./partition-assignment.ts";
import type { PlannedPartition } from "./planned-partition.ts";
import { type PlannedChange, planReassignment } from "./reassignment-plan.ts";

/** What plans go by. */
export interface ReassignmentPlannerOptions {
  readonly image: MetadataImage;
  /** Whether the broker was heard of lately. */
  readonly isAlive: (brokerId: number) => boolean;
}

/** What a replica of a group takes; 0 where nobody said. */
export type SizeOf = (groupId: number) => number;

/** A partition as it is, and what is wanted for it. */
export interface Wanted {
  readonly image: PartitionImage;
  readonly wanted: WantedReplicas;
}

interface NamedPartition extends PlannedPartition {
  readonly topic: string;
}

/** Makes plans for the cluster as the metadata has it. Nothing is changed here. */
export class ReassignmentPlanner {
  readonly #options: ReassignmentPlannerOptions;

  constructor(options: ReassignmentPlannerOptions) {
    this.#options = options;
  }

  /** What brokers hold goes to others, where the rest of a partition's replicas are a majority. Partitions that move to one of them turn. */
  repair(brokerIds: readonly number[]): Wanted[] {
    const { isAlive } = this.#options;
    const isLeaving = (id: number): boolean => brokerIds.includes(id);
    const brokers = this.#brokers((id) => ({
      isUsable: isAlive(id) && !isLeaving(id),
      mustLeave: isLeaving(id),
    }));
    const partitions = this.#partitions(noSizes, (_topic, { move, replicaIds }) => {
      const isLed = replicaIds.filter((id) => isAlive(id)).length * 2 > replicaIds.length;
      return isLed && (move?.targetIds ?? replicaIds).some((id) => isLeaving(id));
    });
    return this.#changes(planReassignment(brokers, partitions, "repair"));
  }

  /**
   * Evens out partitions of these topics (none: all) that do not move already; those that do count as where they are
   * going. A broker that was drained keeps what it has, also while it is stopped: that is what it was drained for.
   */
  balance(topics: readonly string[], sizeOf: SizeOf): Wanted[] {
    const wanted = new Set(topics);
    const brokers = this.#brokers((id) => this.#balancedRole(id));
    const partitions = this.#partitions(
      sizeOf,
      (topic, { move }) => move === undefined && (wanted.size === 0 || wanted.has(topic)),
    );
    return this.#changes(planReassignment(brokers, partitions));
  }

  /**
   * The part of such a plan that gives these brokers their share: replicas come to them from others, and no more than
   * the whole plan leaves them with. What it would give back to others is left out, so that they only ever gain: done
   * again and again, it comes to an end.
   */
  share(brokerIds: readonly number[], sizeOf: SizeOf): Wanted[] {
    const changes = this.balance([], sizeOf).map((change) => ({ change, ...turnover(change) }));
    const room = new Map(brokerIds.map((id) => [id, 0]));
    const add = (id: number, count: number): void => {
      const now = room.get(id);
      if (now !== undefined) room.set(id, now + count);
    };
    for (const { coming, going } of changes) {
      for (const id of coming) add(id, 1);
      for (const id of going) add(id, -1);
    }
    return changes.flatMap(({ change, coming, going }) => {
      const isTheirs = coming.length > 0 && coming.every((id) => (room.get(id) ?? 0) > 0);
      if (!isTheirs || going.some((id) => room.has(id))) return [];
      for (const id of coming) add(id, -1);
      return [change];
    });
  }

  #balancedRole(brokerId: number): Pick<PlanBroker, "isUsable" | "mustLeave"> {
    const isUsable = this.#options.isAlive(brokerId);
    const isDrained = this.#options.image.brokers.get(brokerId)?.duty === "drained";
    return { isUsable, mustLeave: !isUsable && !isDrained };
  }

  #brokers(roleOf: (brokerId: number) => Pick<PlanBroker, "isUsable" | "mustLeave">): PlanBroker[] {
    const brokers = [...this.#options.image.brokers.values()];
    return brokers.map((broker) => {
      const { brokerId, rack } = broker;
      const { isUsable, mustLeave } = roleOf(brokerId);
      // Those that are drained keep what they have and get nothing; those that are to go keep nothing.
      const role = {
        isUsable: isUsable && takesReplicas(broker),
        mustLeave: mustLeave || broker.duty === "decommissioned",
      };
      return { brokerId, rack, ...role };
    });
  }

  #partitions(
    sizeOf: SizeOf,
    isFree: (topic: string, image: PartitionImage) => boolean,
  ): NamedPartition[] {
    const partitions: NamedPartition[] = [];
    for (const { name, partitions: images } of this.#options.image.topics.values()) {
      for (const image of images) {
        const replicaIds = image.move?.targetIds ?? image.replicaIds;
        const isFixed = !isFree(name, image);
        const bytes = sizeOf(image.groupId);
        partitions.push({ topic: name, id: image.partition, replicaIds, bytes, isFixed });
      }
    }
    return partitions;
  }

  #changes(plan: readonly PlannedChange<NamedPartition>[]): Wanted[] {
    return plan.flatMap(({ partition: { id, topic }, replicaIds }) => {
      const image = this.#options.image.topics.get(topic)?.partitions[id];
      return image === undefined ? [] : wantedChange(topic, image, replicaIds);
    });
  }
}

/** What is wanted for a partition; nothing where it is there, or on its way, already. */
export function wantedChange(
  topic: string,
  image: PartitionImage,
  targetIds: readonly number[],
): Wanted[] {
  const now = image.move?.targetIds ?? image.replicaIds;
  if (isSameOrder(now, targetIds)) return [];
  const { groupId, partition } = image;
  return [{ image, wanted: { topic, partition, groupId, targetIds } }];
}

/** Who gets a replica, and who gives one up. */
function turnover({ image: { replicaIds }, wanted: { targetIds } }: Wanted): {
  readonly coming: readonly number[];
  readonly going: readonly number[];
} {
  return {
    coming: targetIds.filter((id) => !replicaIds.includes(id)),
    going: replicaIds.filter((id) => !targetIds.includes(id)),
  };
}

function noSizes(): number {
  return 0;
}
