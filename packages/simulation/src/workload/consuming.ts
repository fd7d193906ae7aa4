import type { Consumer, ConsumerOptions, StartFrom } from "@ropewalk/client";
import { pause } from "./activity.ts";
import { callFailureOf } from "./call-failure.ts";
import type { ClientSeat } from "./client-seats.ts";
import type { History, SeenRecord } from "./history.ts";
import type { LoadedTopic } from "./loaded-topic.ts";
import type { ReadingPace } from "./reading-pace.ts";

/** A consumer that follows all partitions of a topic and notes what it is given. */
export class Consuming {
  readonly #name: string;
  readonly #topic: string;
  readonly #seat: ClientSeat;
  readonly #history: History;
  readonly #pace: ReadingPace;
  #consumer: Consumer | undefined;
  /** Consumers that it was, one after the other. */
  #count = 0;
  /** Why it ended, where nobody ended it. */
  failure: string | undefined;

  constructor(name: string, topic: string, seat: ClientSeat, history: History, pace: ReadingPace) {
    this.#name = name;
    this.#topic = topic;
    this.#seat = seat;
    this.#history = history;
    this.#pace = pace;
  }

  start(from: StartFrom): void {
    this.#follow(from).catch((error: unknown) => (this.failure = String(error)));
  }

  /** Partitions that end there, and where it is not at the end; `undefined` where it is nowhere. */
  behind(ends: ReadonlyMap<number, number>): readonly (readonly [number, number | undefined])[] {
    const positions = this.#consumer?.positions() ?? [];
    const offsets = new Map(positions.map(({ offset, partition }) => [partition, offset]));
    return [...ends]
      .filter(([partition, end]) => (offsets.get(partition) ?? -1) < end)
      .map(([partition]) => [partition, offsets.get(partition)]);
  }

  async #follow(from: StartFrom): Promise<void> {
    for (let start = from; ; start = "earliest") {
      this.#count++;
      try {
        await this.#read(start);
        return;
      } catch (error) {
        // What it was about to read was deleted: whoever reads begins anew with what is left.
        if (callFailureOf(error).code !== "OFFSET_OUT_OF_RANGE") throw error;
        await this.#consumer?.close();
      }
    }
  }

  async #read(from: StartFrom): Promise<void> {
    const name = this.#count === 1 ? this.#name : `${this.#name}.${this.#count}`;
    const consumer = this.#seat.client.consumer({
      topic: this.#topic,
      from,
      metadataMaxAgeMs: 5000,
      ...bufferOf(this.#pace),
    });
    this.#consumer = consumer;
    for await (const record of consumer) {
      this.#history.saw(name, seen(record));
      await this.#pace.handled(this.#seat.process);
    }
  }
}

/** Who reads slowly takes little at once, so that most of what is there is still on its way when something breaks. */
export function bufferOf(pace: ReadingPace): Pick<ConsumerOptions, "bufferBytesMax"> {
  return pace.isSlow ? { bufferBytesMax: slowBufferBytesMax } : {};
}

const slowBufferBytesMax = 32 * 1024;

/** A broker that did not know all partitions is asked again so soon. */
const retryMs = 200;

/** Reads all that there is in a topic's partitions, by partition; a broker may not have heard of the last one yet. */
export async function readAll(
  { client, process }: ClientSeat,
  { name, partitionCount }: LoadedTopic,
): Promise<Map<number, SeenRecord[]>> {
  const partitions = Array.from({ length: partitionCount }, (_, row) => row);
  for (;;) {
    const logs = new Map<number, SeenRecord[]>();
    try {
      for await (const record of client.consumer({ topic: name, partitions, exitAtEnd: true })) {
        const log = logs.get(record.partition) ?? [];
        log.push(seen(record));
        logs.set(record.partition, log);
      }
      return logs;
    } catch (error) {
      if (callFailureOf(error).code !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
      await pause(process, retryMs);
    }
  }
}

interface Consumed {
  readonly partition: number;
  readonly offset: number;
  readonly value: Uint8Array | null | undefined;
}

const space = 0x20;

function seen({ offset, partition, value }: Consumed): SeenRecord {
  return { partition, offset, value: nameIn(value) };
}

/** What a record is called in the history; the rest of its value is padding. */
export function nameIn(value: Uint8Array | null | undefined): string {
  if (value === null || value === undefined) return "";
  const spaceAt = value.indexOf(space);
  const end = spaceAt < 0 ? value.length : spaceAt;
  return Buffer.from(value.buffer, value.byteOffset, end).toString();
}
