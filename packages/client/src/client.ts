import type { Clock, Logger, Random } from "@ropewalk/runtime";
import { Admin, type AdminOptions } from "./admin.ts";
import { ClusterConnection } from "./cluster-connection.ts";
import { Consumer, type ConsumerOptions } from "./consumer.ts";
import { Producer, type ProducerOptions } from "./producer.ts";

/** What a client needs from the world, and where it finds the cluster. */
export interface RopewalkClientOptions {
  /** Some of the cluster's brokers, as "host:port"; the others are learned from them. */
  readonly bootstrapServers: readonly string[];
  /** How the client names itself to brokers. Default "ropewalk-client". */
  readonly clientId?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: nothing is logged. */
  readonly logger?: Logger | undefined;
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
  readonly #opened = new Set<AsyncDisposable>();

  constructor(options: RopewalkClientOptions) {
    this.#cluster = new ClusterConnection({
      bootstrapServers: options.bootstrapServers,
      clientId: options.clientId ?? "ropewalk-client",
      clock: options.clock,
      random: options.random,
      logger: options.logger ?? silent,
    });
  }

  /** A producer of its own; close it to flush it. */
  producer(options: ProducerOptions = {}): Producer {
    return this.#open(new Producer(this.#cluster, options));
  }

  /** A consumer of its own; it connects when it is first iterated, or told to be `ready`. */
  consumer(options: ConsumerOptions): Consumer {
    return this.#open(new Consumer(this.#cluster, options));
  }

  /** Admin calls; there is nothing to close. */
  admin(options: AdminOptions = {}): Admin {
    return new Admin(this.#cluster, options);
  }

  #open<Opened extends AsyncDisposable>(opened: Opened): Opened {
    this.#opened.add(opened);
    return opened;
  }

  /** Closes every producer and consumer, then the connections. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#opened].map((opened) => opened[Symbol.asyncDispose]()));
    this.#cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
