import type { HeldBytes } from "@ropewalk/broker";
import type { SimulatedCluster } from "../simulated-cluster.ts";
import type { EventLoop } from "../world/event-loop.ts";
import type { Anomaly } from "./anomaly.ts";

/** How often it looks. */
const everyMs = 20;

/** Who finds room takes a whole message, and so does each of its streams: more than that is, where the bounds are narrow. */
const messageBytesMax = 64 * 1024;

/** What was lent is given back so soon after all clients are gone. */
const releasedMsMax = 5000;

/** Looks at what brokers hold for clients and peers: never more than they may, and nothing when all are gone. */
export class HeldBytesWatch {
  readonly #loop: EventLoop;
  readonly #cluster: SimulatedCluster;
  readonly #report: (anomaly: Anomaly) => void;

  constructor(loop: EventLoop, cluster: SimulatedCluster, report: (anomaly: Anomaly) => void) {
    this.#loop = loop;
    this.#cluster = cluster;
    this.#report = report;
  }

  /** Looks from now on, until something is found. */
  start(): void {
    const beyond = this.#held().find(({ bytes, bytesMax }) => bytes > bytesMax + messageBytesMax);
    if (beyond === undefined) this.#loop.schedule(everyMs, () => this.start());
    else this.#report({ kind: "unbounded queue", detail: describe(beyond) });
  }

  /** Resolves with what is still held when no client is there any more; empty where all is given back in time. */
  async expectReleased(): Promise<string[]> {
    const endMs = this.#loop.nowMs + releasedMsMax;
    let left = this.#held();
    // Brokers go on telling each other that they live: it takes a moment in which none has anything on its way.
    const seen = new Map(left.map((each) => [each.name, each]));
    while (seen.size > 0 && this.#loop.nowMs < endMs) {
      await new Promise<void>((resolve) => void this.#loop.schedule(1, resolve));
      left = this.#held();
      const held = new Set(left.filter(({ bytes }) => bytes > 0).map(({ name }) => name));
      for (const name of seen.keys()) if (!held.has(name)) seen.delete(name);
    }
    return [...seen.keys()].flatMap((name) => {
      const still = left.find((each) => each.name === name);
      return still === undefined ? [] : [`leak: ${describe(still)}, and no client is there`];
    });
  }

  #held(): (HeldBytes & { readonly name: string })[] {
    return this.#cluster.machines.flatMap(({ broker, host, process }) => {
      const held = process?.isAlive === true ? (broker?.heldBytes() ?? []) : [];
      return held.map((each) => ({ ...each, name: `${host}: ${each.purpose}` }));
    });
  }
}

function describe({ bytes, bytesMax, name }: HeldBytes & { readonly name: string }): string {
  return `${name}: ${bytes} bytes, of ${bytesMax} that it may hold`;
}
