import { type DescribeLedPartitionsResponseInit, moveService } from "@ropewalk/protocol/internal";
import type { RemoteCaller } from "../remote-caller.ts";
import type { Replica } from "../replicas/replica-factory.ts";

/** A partition as its leader knows it. */
export interface LedPartition {
  readonly groupId: number;
  /** What the leader's replica takes. */
  readonly sizeBytes: number;
  /** A replica is silent, or has not got nearly everything. */
  readonly isLacking: boolean;
}

/** What asking leaders needs. */
export interface LedPartitionsOptions {
  readonly caller: RemoteCaller;
  readonly replicas: () => Iterable<Replica>;
  readonly isAlive: (brokerId: number) => boolean;
  /** Brokers that may lead something. */
  readonly brokerIds: () => Iterable<number>;
}

/** Partitions in one answer. */
const partitionsMax = 10_000;
/** A broker that does not answer within this time is left out. */
const answerTimeoutMs = 2000;

/** Says how the partitions do that this broker leads, and finds out how all do. */
export class LedPartitions {
  readonly #options: LedPartitionsOptions;

  constructor(options: LedPartitionsOptions) {
    this.#options = options;
    options.caller.handle(moveService.describeLedPartitions, ({ fromGroupId }) =>
      Promise.resolve(this.#describe(fromGroupId)),
    );
  }

  /** By group; partitions whose leader does not answer are missing. */
  async ask(): Promise<ReadonlyMap<number, LedPartition>> {
    const { brokerIds, isAlive } = this.#options;
    const asked = [...brokerIds()].filter((id) => isAlive(id));
    const answers = await Promise.all(asked.map((id) => this.#askBroker(id)));
    return new Map(answers.flat().map((each) => [each.groupId, each]));
  }

  async #askBroker(brokerId: number): Promise<readonly LedPartition[]> {
    const { caller } = this.#options;
    const found: LedPartition[] = [];
    try {
      for (let fromGroupId = 1; fromGroupId !== 0;) {
        const { nextGroupId, partitions } = await caller.call(
          moveService.describeLedPartitions,
          brokerId,
          { fromGroupId },
          { timeoutMs: answerTimeoutMs },
        );
        found.push(...partitions);
        fromGroupId = nextGroupId > fromGroupId ? nextGroupId : 0;
      }
    } catch {
      // Who asks goes by what is there, and sees what is missing.
    }
    return found;
  }

  #describe(fromGroupId: number): DescribeLedPartitionsResponseInit {
    const led = [...this.#options.replicas()]
      .filter(({ group }) => group.leadership.kind === "leading")
      .filter(({ image }) => image.groupId >= fromGroupId)
      .toSorted((a, b) => a.image.groupId - b.image.groupId);
    const partitions = led.slice(0, partitionsMax).map((replica) => this.#partition(replica));
    return { partitions, nextGroupId: led[partitionsMax]?.image.groupId ?? 0 };
  }

  #partition({ group, image: { groupId } }: Replica): LedPartition {
    const { isAlive } = this.#options;
    const sizeBytes = group.log.segments().reduce((sum, segment) => sum + segment.sizeBytes, 0);
    const isLacking = group
      .memberProgress()
      .some(({ id, state }) => !isAlive(id) || state !== "replicate");
    return { groupId, sizeBytes, isLacking };
  }
}
