import type { RopewalkClient, StartFrom } from "@ropewalk/client";
import type { History, SeenRecord } from "./history.ts";

/** A consumer that follows all partitions of a topic and notes what it is given. */
export class Consuming {
  readonly #name: string;
  readonly #topic: string;
  readonly #client: RopewalkClient;
  readonly #history: History;
  readonly #from: StartFrom;
  /** Why it ended, where nobody ended it. */
  failure: string | undefined;

  constructor(
    name: string,
    topic: string,
    client: RopewalkClient,
    history: History,
    from: StartFrom = "earliest",
  ) {
    this.#name = name;
    this.#topic = topic;
    this.#client = client;
    this.#history = history;
    this.#from = from;
  }

  start(): void {
    this.#follow().catch((error: unknown) => (this.failure = String(error)));
  }

  async #follow(): Promise<void> {
    const consumer = this.#client.consumer({
      topic: this.#topic,
      from: this.#from,
      metadataMaxAgeMs: 5000,
    });
    for await (const record of consumer) this.#history.saw(this.#name, seen(record));
  }
}

/** Reads partitions from their start to where they end now. */
export async function readAll(
  client: RopewalkClient,
  topic: string,
): Promise<Map<number, SeenRecord[]>> {
  const logs = new Map<number, SeenRecord[]>();
  for await (const record of client.consumer({ topic, exitAtEnd: true })) {
    const log = logs.get(record.partition) ?? [];
    log.push(seen(record));
    logs.set(record.partition, log);
  }
  return logs;
}

interface Consumed {
  readonly partition: number;
  readonly offset: number;
  readonly value: Uint8Array | null | undefined;
}

const space = 0x20;

function seen({ offset, partition, value }: Consumed): SeenRecord {
  if (value === null || value === undefined) return { partition, offset, value: "" };
  const spaceAt = value.indexOf(space);
  const end = spaceAt < 0 ? value.length : spaceAt;
  const name = Buffer.from(value.buffer, value.byteOffset, end).toString();
  return { partition, offset, value: name };
}
