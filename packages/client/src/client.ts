import { RopewalkError } from "@ropewalk/protocol";
import type { Clock, Logger, Random } from "@ropewalk/runtime";
import { Admin, type AdminOptions } from "./admin.ts";
import type { Channels } from "./channel-pool.ts";
import { ClusterConnection } from "./cluster-connection.ts";
import { Consumer, type ConsumerOptions } from "./consumer.ts";
import { Producer } from "./producer.ts";
import type { ProducerOptions } from "./producer-options.ts";

/** What a client needs from the world, and where it finds the cluster. */
export interface RopewalkClientOptions {
  /** Some of the cluster's brokers, as "host:port"; the others are learned from them. */
  readonly bootstrapServers: readonly string[];
  /** How the client names itself to brokers. Default "ropewalk-client". */
  readonly clientId?: string | undefined;
  /**
   * The rack that the client is in, as brokers are given theirs (Kafka's `client.rack`): consumers read from a
   * replica there where there is one, from the leader elsewhere. Default: the leader.
   */
  readonly rack?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined;
  /** How brokers are reached; gRPC over TCP unless a simulation says otherwise. */
  readonly channels?: Channels | undefined;
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
};

/**
 * A client of one cluster: the connections and the knowledge that its producers, consumers and admins share.
 * Nothing is connected before it is needed.
 */
export class RopewalkClient implements AsyncDisposable {
  readonly #cluster: ClusterConnection;
  #isClosed = false;

  constructor(options: RopewalkClientOptions) {
    this.#cluster = new ClusterConnection({
      bootstrapServers: options.bootstrapServers,
      clientId: options.clientId ?? "ropewalk-client",
      rack: options.rack ?? "",
      clock: options.clock,
      random: options.random,
      logger: options.logger ?? silent,
      channels: options.channels,
    });
  }

  /** A producer of its own; close it to flush it. Throws INVALID_REQUEST once the client is closed. */
  producer(options: ProducerOptions = {}): Producer {
    this.#assertOpen("produce");
    return new Producer(this.#cluster, options);
  }

  /** A consumer of its own; it connects when it is first iterated, or told to be `ready`. Throws as `producer`. */
  consumer(options: ConsumerOptions): Consumer {
    this.#assertOpen("consume");
    return new Consumer(this.#cluster, options);
  }

  /** Admin calls; there is nothing to close. Throws as `producer`. */
  admin(options: AdminOptions = {}): Admin {
    this.#assertOpen("administer");
    return new Admin(this.#cluster, options);
  }

  /** Closes every producer and consumer, then the connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const users = [...this.#cluster.users];
    await Promise.allSettled(users.map((user) => user[Symbol.asyncDispose]()));
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(purpose: string): void {
    if (!this.#isClosed) return;
    throw new RopewalkError("INVALID_REQUEST", `Cannot ${purpose}: the client is closed`);
  }
}
