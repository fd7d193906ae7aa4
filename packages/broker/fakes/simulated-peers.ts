import { RopewalkError } from "@ropewalk/protocol";
import type { Address, Logger } from "@ropewalk/runtime";
import type { GroupMessage } from "../src/peer/message-codec.ts";
import type { PeerConfig } from "../src/peer/peer-config.ts";
import type { PeerEvents } from "../src/peer/peer-context.ts";
import { PeerNetwork } from "../src/peer/peer-network.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedNetwork } from "./simulated-network.ts";

/** One broker's end, and what it was told. */
export interface SimulatedPeer {
  readonly network: PeerNetwork;
  readonly batches: (readonly GroupMessage[])[];
  readonly messages: GroupMessage[];
  readonly unreachable: number[];
  readonly snapshots: string[];
}

/** What a peer does differently from the others. */
export type SimulatedPeerOptions = Partial<PeerEvents> & {
  readonly clusterId?: () => string;
  readonly directoryId?: string;
  readonly advertise?: Address;
  readonly enteredIndex?: () => number;
};

/** The transports of several brokers on a simulated network in virtual time, for tests. */
export class SimulatedPeers {
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly net: SimulatedNetwork = new SimulatedNetwork(this.clock);
  readonly addresses: Map<number, Address> = new Map();
  readonly logs: string[] = [];
  #draws = 0;

  /** Brokers 1 and 2, connected to each other. */
  async startPair(
    config: Partial<PeerConfig> = {},
  ): Promise<{ one: SimulatedPeer; two: SimulatedPeer }> {
    const one = await this.start(1, 7001, config);
    const two = await this.start(2, 7002, config);
    one.network.connect(2);
    two.network.connect(1);
    await this.run(100);
    return { one, two };
  }

  /** One broker at `port` of the host "host". */
  async start(
    brokerId: number,
    port: number,
    config: Partial<PeerConfig> = {},
    options: SimulatedPeerOptions = {},
  ): Promise<SimulatedPeer> {
    const node: Omit<SimulatedPeer, "network"> = {
      batches: [],
      messages: [],
      unreachable: [],
      snapshots: [],
    };
    const { batches, messages, unreachable, snapshots } = node;
    this.addresses.set(brokerId, { host: "host", port });
    const network = await PeerNetwork.start({
      runtime: {
        clock: this.clock,
        random: { integer: (bound) => (this.#draws += 7919) % bound, uuid: () => "" },
        network: this.net,
        logger: this.#logger(),
      },
      brokerId,
      directoryId: `directory-${brokerId}`,
      listen: { host: "host", port },
      clusterId: () => "",
      addressOf: (id) => this.addresses.get(id),
      verifyPeer: () => undefined,
      onRaftMessages: (_from, received) => {
        batches.push(received);
        messages.push(...received);
      },
      onRequest: (_from, method, body) => answer(method, body),
      onUnreachable: (peerId) => unreachable.push(peerId),
      onSnapshotStatus: (peerId, _group, _message, outcome) =>
        snapshots.push(`${peerId} ${outcome}`),
      config,
      ...options,
    });
    return Object.assign(node, { network });
  }

  /** Lets time pass. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms);
  }

  #logger(): Logger {
    const log = (message: string, fields: unknown = {}): void => {
      this.logs.push(`${message} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
    return logger;
  }
}

async function answer(method: number | string, body: Uint8Array): Promise<Uint8Array> {
  if (method === "echo") return body;
  if (method === "never") return new Promise(() => {});
  if (method === "refuse") throw new RopewalkError("NOT_LEADER", "Not here.", { leaderId: 3 });
  throw new Error("secret");
}
