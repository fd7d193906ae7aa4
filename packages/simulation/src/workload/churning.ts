import type { Admin, Producer, RopewalkClient } from "@ropewalk/client";
import type { SeededRandom } from "../world/seeded-random.ts";
import { Activity, pause } from "./activity.ts";
import { failureOf } from "./call-failure.ts";
import type { ClientSeat } from "./client-seats.ts";

const recordsMax = 20;

/**
 * A topic that is made, written to, deleted and made again under the same name. It must never show records of the one
 * that was deleted, nor lack any that were acknowledged since.
 */
export class Churning {
  readonly #client: RopewalkClient;
  readonly #admin: Admin;
  readonly #seat: ClientSeat;
  readonly #random: SeededRandom;
  readonly #activity: Activity;
  readonly #producer: Producer;
  #name = "churn-0";
  #names = 0;
  #generation = 0;
  readonly #acknowledged = new Set<string>();
  readonly #anomalies: string[] = [];
  deletedCount = 0;

  constructor(seat: ClientSeat, random: SeededRandom, everyMsMax: number) {
    this.#seat = seat;
    this.#client = seat.client;
    this.#admin = seat.client.admin();
    this.#producer = seat.client.producer();
    this.#random = random;
    const pace = { process: seat.process, random, everyMsMax };
    this.#activity = new Activity(pace, () => this.#turn());
  }

  start(): void {
    this.#activity.start();
  }

  stop(): void {
    this.#activity.stop();
  }

  /** Resolves with what was wrong when one more generation was made, written to and read. */
  async settled(): Promise<readonly string[]> {
    await this.#activity.ended();
    await this.#create();
    await this.#write();
    await this.#read();
    return this.#anomalies;
  }

  async #turn(): Promise<void> {
    await this.#create();
    await this.#write();
    if (this.#random.chance(0.3)) await this.#read();
    await this.#delete();
  }

  async #create(): Promise<void> {
    this.#generation++;
    this.#acknowledged.clear();
    for (;;) {
      const partitionCount = 1 + this.#random.integer(3);
      const error = await failureOf(this.#admin.createTopic({ name: this.#name, partitionCount }));
      if (error === undefined || error.code === "TOPIC_ALREADY_EXISTS") return;
      await pause(this.#seat.process, 200);
    }
  }

  async #write(): Promise<void> {
    const values = Array.from(
      { length: 1 + this.#random.integer(recordsMax) },
      (_, number) => `${this.#name}/${this.#generation}#${number}`,
    );
    const sent = values.map(async (value) => {
      const error = await failureOf(
        this.#producer.send({ topic: this.#name, value: Buffer.from(value) }),
      );
      if (error === undefined) this.#acknowledged.add(value);
      return error;
    });
    const errors = await Promise.all(sent);
    if (errors.some((error) => error?.outcome === "indefinite")) await this.#takeAnotherName();
  }

  async #delete(): Promise<void> {
    for (;;) {
      const error = await failureOf(this.#admin.deleteTopic(this.#name));
      if (error === undefined) this.deletedCount++;
      if (error === undefined || error.code === "UNKNOWN_TOPIC_OR_PARTITION") return;
      if (error.outcome === "indefinite") return this.#takeAnotherName();
      await pause(this.#seat.process, 200);
    }
  }

  /** What may still happen to the old name must not happen to the next topic. */
  async #takeAnotherName(): Promise<void> {
    this.#name = `churn-${++this.#names}`;
    await this.#create();
  }

  async #read(): Promise<void> {
    const topic = this.#name;
    const missing = new Set(this.#acknowledged);
    const prefix = `${topic}/${this.#generation}#`;
    try {
      for await (const { value } of this.#client.consumer({ topic, exitAtEnd: true })) {
        const text = Buffer.from(value ?? new Uint8Array(0)).toString();
        missing.delete(text);
        if (!text.startsWith(prefix)) {
          this.#anomalies.push(`ghost: ${text} is in generation ${this.#generation} of ${topic}`);
        }
      }
    } catch {
      return;
    }
    for (const value of missing) this.#anomalies.push(`lost write: ${value} was acknowledged`);
  }
}
