import type { Admin, Consumer } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { Activity, pause } from "./activity.ts";
import { callFailureOf } from "./call-failure.ts";
import type { ClientSeat, ClientSeats } from "./client-seats.ts";
import { Committing } from "./committing.ts";
import { bufferOf } from "./consuming.ts";
import type { GroupHistory } from "./group-history.ts";
import { ReadingPace } from "./reading-pace.ts";

/** How a group reads. */
export interface GroupConsumingOptions {
  readonly groupId: string;
  readonly topic: string;
  readonly memberCount: number;
  /** How long a member stays at most before another takes its place. */
  readonly stayMsMax: number;
  readonly sessionTimeoutMs: number;
  /** How long a slow member takes for a record at most; 0: none is slow. */
  readonly handlingMsMax: number;
  /** Whether all members commit on their own, and what was taken from them, too. */
  readonly membersCling: boolean;
  /** Records of a partition before this offset may be gone. */
  readonly deletedBefore: (partition: number) => number;
}

interface Member {
  readonly seat: ClientSeat;
  readonly consumer: Consumer;
  readonly pace: ReadingPace;
}

/** Half of the members that stop for a while are put out of the group before they go on. */
const frozenSessionsMax = 2;

/** A consumer group whose members come, commit, leave and crash; and somebody who watches its committed offsets. */
export class GroupConsuming {
  readonly #seats: ClientSeats;
  readonly #random: SeededRandom;
  readonly #history: GroupHistory;
  readonly #options: GroupConsumingOptions;
  readonly #members = new Map<number, Member>();
  readonly #activities: Activity[] = [];
  #joined = 0;
  #isStopped = false;
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
      this.#begin(row, stayMsMax, (process) => this.#change(row, process));
    }
    const watcher = this.#seats.open(1);
    const admin = watcher.client.admin();
    this.#begin(1, 1000, () => this.#watch(admin), watcher);
  }

  /** Who is in the group stays. */
  stop(): void {
    for (const activity of this.#activities) activity.stop();
    this.#isStopped = true;
    for (const { pace } of this.#members.values()) pace.hurry();
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
      const from = this.#options.deletedBefore(partition);
      if (this.#history.missingOf(partition, from) < end) return false;
    }
    return true;
  }

  #begin(
    row: number,
    everyMsMax: number,
    step: (process: SimulatedProcess) => Promise<void>,
    seat?: ClientSeat,
  ): void {
    const { process } = seat ?? this.#seats.open(row);
    const pace = { process, random: this.#random, everyMsMax };
    const activity = new Activity(pace, () => step(process));
    this.#activities.push(activity);
    activity.start();
  }

  /** A member stops for a while, or goes, politely or not, and perhaps another one comes at once. */
  async #change(row: number, process: SimulatedProcess): Promise<void> {
    const member = this.#members.get(row);
    if (member !== undefined && this.#random.chance(0.3)) {
      await this.#freeze(member, process);
      return;
    }
    this.#members.delete(row);
    if (member === undefined) this.#join(row);
    else if (this.#random.chance(0.5)) this.#seats.crash(member.seat);
    else await this.#seats.close(member.seat);
    if (!this.#members.has(row) && this.#random.chance(0.5)) this.#join(row);
  }

  /** Nothing reaches the member (SIGSTOP), and then all of it. */
  async #freeze({ seat }: Member, process: SimulatedProcess): Promise<void> {
    seat.process.pause();
    await pause(
      process,
      this.#random.between(0, this.#options.sessionTimeoutMs * frozenSessionsMax),
    );
    seat.process.resume();
  }

  #join(row: number): void {
    const { groupId: group, handlingMsMax, sessionTimeoutMs, topic } = this.#options;
    const seat = this.#seats.open(row);
    const isManual = this.#random.chance(0.5) || this.#options.membersCling;
    const isSlow = !this.#isStopped && this.#random.chance(0.5);
    const pace = new ReadingPace(this.#random, isSlow ? handlingMsMax : 0);
    const consumer = seat.client.consumer({
      topic,
      group,
      sessionTimeoutMs,
      autoCommit: !isManual,
      autoCommitIntervalMs: 500,
      ...bufferOf(pace),
    });
    const member = { seat, consumer, pace };
    this.#members.set(row, member);
    this.#read(`m${++this.#joined}`, member, isManual).catch((error: unknown) => {
      if (seat.process.isAlive) this.#ended(row, member, error);
    });
  }

  /** What a member was about to read may have been deleted: then another one takes its place, and goes on with what is left. */
  #ended(row: number, member: Member, error: unknown): void {
    if (callFailureOf(error).code !== "OFFSET_OUT_OF_RANGE") {
      this.failure ??= String(error);
      return;
    }
    if (this.#members.get(row) !== member) return;
    this.#members.delete(row);
    void this.#seats.close(member.seat);
    this.#join(row);
  }

  async #read(name: string, { consumer, pace, seat }: Member, isManual: boolean): Promise<void> {
    const { process } = seat;
    const { membersCling } = this.#options;
    const committing = new Committing(consumer, process, this.#random, this.#history, membersCling);
    for await (const { offset, partition } of consumer) {
      this.#history.delivered(name, partition, offset);
      await pace.handled(process);
      if (isManual) await committing.recordDone();
    }
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
