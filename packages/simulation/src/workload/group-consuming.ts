import type { Admin, Consumer } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import { Activity, pause } from "./activity.ts";
import type { ClientSeat, ClientSeats } from "./client-seats.ts";
import type { GroupHistory } from "./group-history.ts";

/** How a group reads. */
export interface GroupConsumingOptions {
  readonly groupId: string;
  readonly topic: string;
  readonly memberCount: number;
  /** How long a member stays at most before another takes its place. */
  readonly stayMsMax: number;
  readonly sessionTimeoutMs: number;
}

interface Member {
  readonly seat: ClientSeat;
  readonly consumer: Consumer;
}

/** A commit is waited for, and many of them would make a slow reader. */
const commitEveryMs = 200;

/** A consumer group whose members come, commit, leave and crash; and somebody who watches its committed offsets. */
export class GroupConsuming {
  readonly #seats: ClientSeats;
  readonly #random: SeededRandom;
  readonly #history: GroupHistory;
  readonly #options: GroupConsumingOptions;
  readonly #members = new Map<number, Member>();
  readonly #activities: Activity[] = [];
  #joined = 0;
  /** Why a member ended that nobody ended. */
  failure: string | undefined;

  constructor(
    seats: ClientSeats,
    random: SeededRandom,
    history: GroupHistory,
    options: GroupConsumingOptions,
  ) {
    this.#seats = seats;
    this.#random = random;
    this.#history = history;
    this.#options = options;
  }

  start(): void {
    const { memberCount, stayMsMax } = this.#options;
    for (let row = 0; row < memberCount; row++) {
      this.#join(row);
      this.#begin(row, stayMsMax, () => this.#change(row));
    }
    const watcher = this.#seats.open(1);
    const admin = watcher.client.admin();
    this.#begin(1, 1000, () => this.#watch(admin), watcher);
  }

  /** Who is in the group stays. */
  stop(): void {
    for (const activity of this.#activities) activity.stop();
  }

  /** Resolves when the group, left alone, was given every record of these partitions, and has said goodbye. */
  async settled(ends: ReadonlyMap<number, number>): Promise<void> {
    for (const activity of this.#activities) await activity.ended();
    if (this.#members.size === 0) this.#join(0);
    const [any] = this.#members.values();
    while (any !== undefined && !this.#isComplete(ends)) await pause(any.seat.process, 50);
    for (const { seat } of this.#members.values()) await this.#seats.close(seat);
    this.#members.clear();
    await this.#watch(this.#seats.open(1).client.admin());
  }

  #isComplete(ends: ReadonlyMap<number, number>): boolean {
    for (const [partition, end] of ends) {
      if (this.#history.missingOf(partition) < end) return false;
    }
    return true;
  }

  #begin(row: number, everyMsMax: number, step: () => Promise<void>, seat?: ClientSeat): void {
    const { process } = seat ?? this.#seats.open(row);
    const activity = new Activity({ process, random: this.#random, everyMsMax }, step);
    this.#activities.push(activity);
    activity.start();
  }

  /** A member goes, politely or not, and perhaps another one comes at once. */
  async #change(row: number): Promise<void> {
    const member = this.#members.get(row);
    this.#members.delete(row);
    if (member === undefined) this.#join(row);
    else if (this.#random.chance(0.5)) this.#seats.crash(member.seat);
    else await this.#seats.close(member.seat);
    if (!this.#members.has(row) && this.#random.chance(0.5)) this.#join(row);
  }

  #join(row: number): void {
    const { groupId: group, sessionTimeoutMs, topic } = this.#options;
    const seat = this.#seats.open(row);
    const isManual = this.#random.chance(0.5);
    const consumer = seat.client.consumer({
      topic,
      group,
      sessionTimeoutMs,
      autoCommit: !isManual,
      autoCommitIntervalMs: 500,
    });
    const member = { seat, consumer };
    this.#members.set(row, member);
    this.#read(`m${++this.#joined}`, member, isManual).catch((error: unknown) => {
      if (seat.process.isAlive) this.failure ??= String(error);
    });
  }

  async #read(name: string, { consumer, seat }: Member, isManual: boolean): Promise<void> {
    const { process } = seat;
    let committedMs = process.monotonicMs();
    for await (const { offset, partition } of consumer) {
      this.#history.delivered(name, partition, offset);
      const isDue = process.monotonicMs() - committedMs >= commitEveryMs;
      if (!isManual || !isDue || this.#random.chance(0.9)) continue;
      await this.#commit(consumer);
      committedMs = process.monotonicMs();
    }
  }

  async #commit(consumer: Consumer): Promise<void> {
    const positions = consumer.positions();
    // It may be refused: the partitions are somebody else's by now, or nobody coordinates.
    const isDone = await consumer.commit(positions).then(
      () => true,
      () => false,
    );
    if (!isDone) return;
    for (const { offset, partition } of positions) this.#history.committed(partition, offset);
  }

  async #watch(admin: Admin): Promise<void> {
    const question = this.#history.asked();
    const { offsets } = await admin.describeGroup(this.#options.groupId);
    const known = offsets.flatMap(({ committedOffset, partition }) =>
      committedOffset === null ? [] : [[partition, committedOffset] as const],
    );
    this.#history.told(question, new Map(known));
  }
}
