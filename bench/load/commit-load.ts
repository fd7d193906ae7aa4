import { type Consumer, createClient } from "@ropewalk/client";
import type { CommitJob } from "./load-job.ts";
import type { LoadCounter } from "./load-counter.ts";
import { sharedUs } from "./shared-clock.ts";

/** Groups with one member each that commit the offset of one partition, one commit after the other. */
export class CommitLoad {
  readonly #job: CommitJob;
  readonly #client: ReturnType<typeof createClient>;
  #members: readonly Consumer[] = [];

  constructor(job: CommitJob) {
    this.#job = job;
    const { bootstrapServers } = job;
    this.#client = createClient({ bootstrapServers, clientId: "ropewalk-bench" });
  }

  /** Makes the groups and waits until they have been given their partitions. */
  async prepare(): Promise<void> {
    const { groupCount, topic } = this.#job;
    this.#members = Array.from({ length: groupCount }, (_, i) =>
      this.#client.consumer({ topic, group: `${topic}-${i}`, autoCommit: false, from: "latest" }),
    );
    await Promise.all(this.#members.map((member) => member.ready()));
  }

  /** Commits until the schedule ends. */
  async run(counter: LoadCounter): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#commitLoop(member, counter)));
  }

  /** Whether `run` ends soon after the schedule. */
  readonly endsByItself: boolean = true;

  /** Leaves the groups and ends the connections. */
  async close(): Promise<void> {
    await this.#client.close();
  }

  async #commitLoop(member: Consumer, counter: LoadCounter): Promise<void> {
    const { topic } = this.#job;
    while (!counter.isOver) {
      const beganUs = sharedUs();
      await member.commit([{ topic, partition: 0, offset: 0 }]);
      counter.time("commit", beganUs, sharedUs());
      counter.add(1, 0);
    }
  }
}
