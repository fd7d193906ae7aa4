import { RopewalkError } from "@ropewalk/protocol";
import type {
  Address,
  Clock,
  Connection,
  ConnectionHandler,
  Listener,
  Logger,
  Network,
  Timer,
} from "@ropewalk/runtime";
import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { describe, expect, test } from "vitest";
import type { GroupMessage } from "./message-codec.ts";
import type { PeerConfig } from "./peer-config.ts";
import type { PeerEvents } from "./peer-context.ts";
import { PeerNetwork } from "./peer-network.ts";

const group = { groupId: 1, incarnation: 1 };
const heartbeat = { ...createMessage("MsgHeartbeat", 2), from: 1, term: 1 };

describe("PeerNetwork.send()", () => {
  test("delivers messages of many groups in one frame and one batch, each with its group", async () => {
    const world = new World();
    const { one, two } = await world.startPair();
    for (let groupId = 1; groupId <= 500; groupId++) {
      one.network.send(2, { groupId, incarnation: groupId % 3 }, heartbeat);
    }
    const framesBefore = one.network.counters.control.framesSent;
    one.network.flush();
    await world.run(100);
    expect(one.network.counters.control.framesSent - framesBefore).toBe(1);
    expect(two.batches).toHaveLength(1);
    expect(two.messages.map(({ group: key }) => [key.groupId, key.incarnation])).toEqual(
      Array.from({ length: 500 }, (_, at) => [at + 1, (at + 1) % 3]),
    );
    expect(two.messages[0]?.message).toEqual(heartbeat);
  });

  test("keeps the order of all MsgApp of a peer, and their data, across many frames", async () => {
    const world = new World();
    const { one, two } = await world.startPair({ frameBytesTarget: 10_000 });
    for (let index = 1; index <= 100; index++) one.network.send(2, group, append(index, 5_000));
    one.network.flush();
    await world.run(1_000);
    expect(two.messages.map(({ message }) => message.entries[0]?.index)).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 1),
    );
    for (const { message } of two.messages) {
      for (const { data, index } of message.entries) {
        expect(data).toHaveLength(5_000);
        expect(data.every((byte) => byte === index % 256)).toBe(true);
      }
    }
  });

  test("lets a heartbeat pass while the append lane is full and stuck", async () => {
    const world = new World();
    const { one, two } = await world.startPair();
    one.network.send(2, group, append(1, 10));
    one.network.flush();
    await world.run(50);
    world.net.stall("append");
    for (let index = 2; index < 40; index++) one.network.send(2, group, append(index, 100_000));
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages.map(({ message }) => message.type)).toEqual(["MsgApp", "MsgHeartbeat"]);
    world.net.unstall();
    await world.run(1_000);
    expect(two.messages).toHaveLength(40);
  });

  test("drops what does not fit into the queue, says so once, and recovers", async () => {
    const world = new World();
    const { one, two } = await world.startPair({
      queueBytesMax: { control: 1000, append: 1_000_000, bulk: 1000 },
    });
    one.network.send(2, group, append(1, 10));
    one.network.flush();
    await world.run(50);
    one.unreachable.length = 0;
    world.net.stall("append");
    const accepted = Array.from({ length: 50 }, (_, at) =>
      one.network.send(2, group, append(at + 2, 100_000)),
    );
    one.network.flush();
    await world.run(10);
    const acceptedCount = accepted.filter(Boolean).length;
    expect(acceptedCount).toBeGreaterThan(5);
    expect(one.network.queuedBytes("append")).toBeLessThanOrEqual(1_000_000);
    expect(one.network.counters.append.messagesDropped).toBe(50 - acceptedCount);
    expect(one.unreachable).toEqual([2]);
    world.net.unstall();
    await world.run(2_000);
    expect(two.messages).toHaveLength(1 + acceptedCount);
    expect(one.network.queuedBytes("append")).toBe(0);
    expect(one.network.send(2, group, append(99, 100_000))).toBe(true);
  });

  test("drops a message that no frame can hold", async () => {
    const world = new World();
    const { one } = await world.startPair({ frameBytesMax: 100_000, frameBytesTarget: 1_000 });
    expect(one.network.send(2, group, append(1, 100_000))).toBe(false);
    expect(one.network.send(2, group, append(1, 90_000))).toBe(true);
  });

  test("reports the fate of every snapshot it accepted", async () => {
    const world = new World();
    const { one } = await world.startPair();
    one.network.send(2, group, snapshot(5));
    one.network.flush();
    await world.run(100);
    expect(one.snapshots).toEqual(["2 finish"]);
    world.net.cut();
    one.network.send(2, group, snapshot(6));
    world.net.isBlocked = true;
    await world.run(3_000);
    expect(one.snapshots).toEqual(["2 finish", "2 failure"]);
  });
});

describe("a peer's connections", () => {
  test("come back after they broke, and messages flow again", async () => {
    const world = new World();
    const { one, two } = await world.startPair();
    world.net.cut();
    await world.run(10);
    expect(one.unreachable).toContain(2);
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages).toHaveLength(1);
  });

  test("are tried for ever, with at most a second between two attempts", async () => {
    const world = new World();
    const { one } = await world.startPair();
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(20_000);
    const before = one.network.counters.control.connectFailures;
    await world.run(60_000);
    const perMinute = one.network.counters.control.connectFailures - before;
    expect(perMinute).toBeGreaterThanOrEqual(50);
    expect(perMinute).toBeLessThanOrEqual(130);
    expect(one.network.send(2, group, heartbeat)).toBe(false);
    world.net.isBlocked = false;
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("are dialed at the address of the moment", async () => {
    const world = new World();
    const one = await world.start(1, 7001);
    world.addresses.delete(2);
    one.network.connect(2);
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([]);
    await world.start(2, 7055);
    await world.run(2_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("are found dead when the other side is silent though nothing was closed", async () => {
    const world = new World();
    const { one } = await world.startPair();
    world.net.isBlackHole = true;
    await world.run(4_000);
    expect(one.network.connectedPeers()).toEqual([2]);
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([]);
    world.net.isBlackHole = false;
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("are replaced when the peer begins a new life before the old one was missed", async () => {
    const world = new World();
    const { one, two } = await world.startPair();
    two.network.send(1, group, { ...heartbeat, to: 1, from: 2 });
    two.network.flush();
    await world.run(50);
    world.net.freezeOpenConnections();
    const reborn = await world.start(2, 7002);
    reborn.network.send(1, group, { ...heartbeat, to: 1, from: 2 });
    reborn.network.flush();
    await world.run(100);
    expect(one.messages).toHaveLength(2);
  });

  test("keep telling when the peer was last heard while nothing is sent", async () => {
    const world = new World();
    const { one, two } = await world.startPair();
    await world.run(60_000);
    for (const [node, peerId] of [
      [one, 2],
      [two, 1],
    ] as const) {
      const silentMs = world.clock.monotonicMs() - (node.network.lastHeardMs(peerId) ?? -1);
      expect(silentMs).toBeLessThan(1_000);
    }
    expect(one.network.counters.control.disconnects).toBe(0);
    expect(one.network.lastHeardMs(3)).toBeUndefined();
  });

  test("end when a broker is no longer of the cluster", async () => {
    const world = new World();
    const members = new Set([1, 2]);
    const verifyPeer = ({ brokerId }: { brokerId: number }): string | undefined =>
      members.has(brokerId) ? undefined : "it was removed";
    const one = await world.start(1, 7001, {}, { verifyPeer });
    const two = await world.start(2, 7002);
    one.network.connect(2);
    two.network.connect(1);
    await world.run(100);
    members.delete(2);
    one.network.disconnect(2);
    await world.run(5_000);
    expect(one.network.connectedPeers()).toEqual([]);
    expect(two.network.connectedPeers()).toEqual([]);
    expect(one.network.lastHeardMs(2)).toBeUndefined();
    expect(two.unreachable).toContain(1);
  });
});

describe("the handshake", () => {
  test("refuses what verifyPeer refuses, says why once on each side, and retries slowly", async () => {
    const world = new World();
    const one = await world.start(1, 7001);
    let reason: string | undefined = "directory d1 is not a member";
    await world.start(2, 7002, {}, { verifyPeer: () => reason });
    one.network.connect(2);
    await world.run(60_000);
    expect(one.network.counters.control.refusals).toBeLessThan(65);
    expect(one.network.counters.control.refusals).toBeGreaterThan(20);
    const lines = world.logs.filter((line) => line.includes("directory d1 is not a member"));
    expect(lines).toHaveLength(2);
    reason = undefined;
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("refuses another cluster, but not a broker that knows of none yet", async () => {
    const world = new World();
    const one = await world.start(1, 7001, {}, { clusterId: () => "blue" });
    let clusterId = "green";
    await world.start(2, 7002, {}, { clusterId: () => clusterId });
    one.network.connect(2);
    await world.run(1_000);
    expect(one.network.connectedPeers()).toEqual([]);
    expect(world.logs.join("\n")).toContain(
      "broker 1 belongs to cluster blue, broker 2 to cluster green",
    );
    clusterId = "";
    await world.run(3_000);
    expect(one.network.connectedPeers()).toEqual([2]);
  });

  test("refuses a broker that reaches itself, and one that reaches the wrong broker", async () => {
    const world = new World();
    const one = await world.start(1, 7001);
    await world.start(2, 7002);
    world.addresses.set(2, { host: "host", port: 7001 });
    one.network.connect(2);
    world.addresses.set(3, { host: "host", port: 7002 });
    one.network.connect(3);
    await world.run(1_000);
    const logs = world.logs.join("\n");
    expect(logs).toContain("broker 1 connected to itself");
    expect(logs).toContain("wrong address: broker 2 answers here, not broker 3");
    expect(one.network.connectedPeers()).toEqual([]);
  });

  test("names both directories when a broker id is taken twice", async () => {
    const world = new World();
    await world.start(2, 7002);
    const twin = await world.start(2, 7003, {}, { directoryId: "other" });
    world.addresses.set(4, { host: "host", port: 7002 });
    twin.network.connect(4);
    await world.run(500);
    expect(world.logs.join("\n")).toContain(
      "broker id 2 is taken twice: by data directory directory-2 and by other",
    );
  });

  test("closes strangers that speak another protocol or nothing at all", async () => {
    const world = new World();
    const one = await world.start(1, 7001);
    const closed: string[] = [];
    const dial = async (name: string, bytes: Uint8Array): Promise<void> => {
      const connection = await world.net.connect({ host: "host", port: 7001 }, 1000, () => ({
        onData: () => {},
        onDrain: () => {},
        onClose: () => closed.push(name),
      }));
      if (bytes.length > 0) connection.send([bytes]);
    };
    void dial("http", Buffer.from("GET / HTTP/1.1\r\nHost: broker\r\n\r\n"));
    void dial("silent", Buffer.alloc(0));
    await world.run(1_000);
    expect(closed).toEqual(["http"]);
    await world.run(6_000);
    expect(closed).toEqual(["http", "silent"]);
    expect(one.network.lastHeardMs(0)).toBeUndefined();
  });

  test("bounds the connections that have not said hello", async () => {
    const world = new World();
    await world.start(1, 7001, { greetingCountMax: 3 });
    let closedCount = 0;
    for (let count = 0; count < 10; count++) {
      void world.net.connect({ host: "host", port: 7001 }, 1000, () => ({
        onData: () => {},
        onDrain: () => {},
        onClose: () => (closedCount += 1),
      }));
    }
    await world.run(100);
    expect(closedCount).toBe(7);
  });
});

describe("receiving", () => {
  test("pauses the append lane while the owner is behind, and never the control lane", async () => {
    const world = new World();
    const releases: (() => void)[] = [];
    const one = await world.start(1, 7001, { frameBytesTarget: 50_000 });
    const two = await world.start(
      2,
      7002,
      { receiveBytesMax: { control: 10_000, append: 300_000, bulk: 10_000 } },
      {
        onRaftMessages: (_from, messages) => {
          two.messages.push(...messages);
          if (messages[0]?.message.type !== "MsgApp") return undefined;
          return new Promise((resolve) => releases.push(resolve));
        },
      },
    );
    for (let index = 1; index <= 40; index++) one.network.send(2, group, append(index, 60_000));
    one.network.flush();
    await world.run(10_000);
    expect(two.network.receivedBytes("append")).toBeLessThanOrEqual(300_000);
    expect(two.messages.length).toBeLessThan(6);
    one.network.send(2, group, heartbeat);
    one.network.flush();
    await world.run(50);
    expect(two.messages.at(-1)?.message.type).toBe("MsgHeartbeat");
    for (let turn = 0; turn < 100; turn++) {
      for (const release of releases.splice(0)) release();
      await world.run(100);
    }
    expect(two.messages).toHaveLength(41);
    expect(two.network.receivedBytes("append")).toBe(0);
    expect(one.network.counters.append.disconnects).toBe(0);
  });
});

describe("PeerNetwork.request()", () => {
  test("brings small and large bodies there and back", async () => {
    const world = new World();
    const { one } = await world.startPair();
    for (const bytes of [0, 10, 64 * 1024, 64 * 1024 + 1, 3_000_000]) {
      const answer = one.network.request(2, "echo", Buffer.alloc(bytes, 7), 5_000);
      await world.run(500);
      expect(Buffer.compare(await answer, Buffer.alloc(bytes, 7))).toBe(0);
    }
    expect(one.network.counters.control.requestsSent).toBe(3);
    expect(one.network.counters.bulk.requestsSent).toBe(2);
  });

  test("rejects with the peer's own error, and hides what is not meant for it", async () => {
    const world = new World();
    const { one } = await world.startPair();
    const refused = errorOf(one.network.request(2, "refuse", Buffer.alloc(0), 1_000));
    const crashed = errorOf(one.network.request(2, 42, Buffer.alloc(0), 1_000));
    await world.run(100);
    expect(await refused).toMatchObject({ code: "NOT_LEADER", message: "Not here.", leaderId: 3 });
    expect(await crashed).toMatchObject({ code: "UNKNOWN_SERVER_ERROR" });
    expect((await crashed).message).not.toContain("secret");
  });

  test("is indefinite when the connection breaks after it was sent, definite when it never was", async () => {
    const world = new World();
    const { one } = await world.startPair();
    const sent = errorOf(one.network.request(2, "never", Buffer.alloc(0), 60_000));
    await world.run(100);
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(10);
    expect(await sent).toMatchObject({ code: "UNKNOWN_OUTCOME", outcome: "indefinite" });
    const unsent = errorOf(one.network.request(2, "echo", Buffer.alloc(0), 300));
    await world.run(400);
    expect(await unsent).toMatchObject({ code: "LEADER_NOT_AVAILABLE", outcome: "definite" });
  });

  test("waits for a connection, and times out when there is no answer", async () => {
    const world = new World();
    const { one } = await world.startPair();
    world.net.isBlocked = true;
    world.net.cut();
    await world.run(2_000);
    const late = one.network.request(2, "echo", Buffer.from("late"), 60_000);
    world.net.isBlocked = false;
    await world.run(2_000);
    expect(Buffer.from(await late).toString()).toBe("late");
    const unanswered = errorOf(one.network.request(2, "never", Buffer.alloc(0), 700));
    await world.run(800);
    expect(await unanswered).toMatchObject({ code: "REQUEST_TIMED_OUT", outcome: "indefinite" });
  });

  test("bounds what waits on either side", async () => {
    const world = new World();
    const { one } = await world.startPair({ requestCountMax: 20, handledCountMax: 5 });
    const errors = Array.from({ length: 30 }, () =>
      errorOf(one.network.request(2, "never", Buffer.alloc(0), 1_000)),
    );
    await world.run(2_000);
    const codes = (await Promise.all(errors)).map(({ code }) => code);
    expect(codes.filter((code) => code === "BUSY")).toHaveLength(10 + 15);
    expect(codes.filter((code) => code === "REQUEST_TIMED_OUT")).toHaveLength(5);
  });

  test("fails at once when the network was closed, and close() fails what waits", async () => {
    const world = new World();
    const { one } = await world.startPair();
    const waiting = errorOf(one.network.request(2, "never", Buffer.alloc(0), 60_000));
    await world.run(100);
    await one.network.close();
    expect(await waiting).toMatchObject({ code: "UNKNOWN_OUTCOME" });
    const after = errorOf(one.network.request(2, "echo", Buffer.alloc(0), 60_000));
    expect(await after).toMatchObject({ code: "LEADER_NOT_AVAILABLE" });
    expect(one.network.send(2, group, heartbeat)).toBe(false);
  });
});

function append(index: number, dataBytes: number): Message {
  const data = new Uint8Array(dataBytes).fill(index % 256);
  const entries = [{ index, term: 1, type: "normal", data }] as const;
  return { ...createMessage("MsgApp", 2), from: 1, term: 1, logTerm: 1, index: index - 1, entries };
}

function snapshot(index: number): Message {
  const confState = {
    voters: [1, 2],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const value = { index, term: 1, confState, data: new Uint8Array(10_000) };
  return { ...createMessage("MsgSnap", 2), from: 1, term: 1, snapshot: value };
}

async function errorOf(promise: Promise<unknown>): Promise<RopewalkError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RopewalkError) return error;
    throw error;
  }
  throw new Error("the request succeeded");
}

interface Node {
  readonly network: PeerNetwork;
  readonly batches: (readonly GroupMessage[])[];
  readonly messages: GroupMessage[];
  readonly unreachable: number[];
  readonly snapshots: string[];
}

type NodeOptions = Partial<PeerEvents> & {
  readonly clusterId?: () => string;
  readonly directoryId?: string;
};

/** Brokers on a simulated network in virtual time. */
class World {
  readonly clock = new VirtualClock();
  readonly net = new VirtualNetwork(this.clock);
  readonly addresses = new Map<number, Address>();
  readonly logs: string[] = [];
  #draws = 0;

  async startPair(config: Partial<PeerConfig> = {}): Promise<{ one: Node; two: Node }> {
    const one = await this.start(1, 7001, config);
    const two = await this.start(2, 7002, config);
    one.network.connect(2);
    two.network.connect(1);
    await this.run(100);
    expect(one.network.connectedPeers()).toEqual([2]);
    expect(two.network.connectedPeers()).toEqual([1]);
    return { one, two };
  }

  async start(
    brokerId: number,
    port: number,
    config: Partial<PeerConfig> = {},
    options: NodeOptions = {},
  ): Promise<Node> {
    const node = { batches: [], messages: [], unreachable: [], snapshots: [] };
    const { batches, messages, unreachable, snapshots } = node as Omit<Node, "network">;
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

interface Event {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time that moves when the test says so. */
class VirtualClock implements Clock {
  #nowMs = 1_000;
  #events: Event[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const event = { atMs: this.#nowMs + delayMs, callback };
    const later = this.#events.findIndex(({ atMs }) => atMs > event.atMs);
    this.#events.splice(later < 0 ? this.#events.length : later, 0, event);
    return { cancel: () => void (this.#events = this.#events.filter((other) => other !== event)) };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  async run(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      const next = this.#events[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#events.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}

/** TCP without a wire: ordered bytes after a millisecond, in pieces, with back-pressure and faults. */
class VirtualNetwork implements Network {
  readonly clock: VirtualClock;
  /** No connection can be made. */
  isBlocked = false;
  /** Everything sent disappears, and nobody is told. */
  isBlackHole = false;
  readonly #accepts = new Map<number, (connection: Connection) => ConnectionHandler>();
  #ends: VirtualConnection[] = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  listen(address: Address, accept: (c: Connection) => ConnectionHandler): Promise<Listener> {
    const { port } = address;
    this.#accepts.set(port, accept);
    return Promise.resolve({
      port,
      close: () => {
        this.#accepts.delete(port);
        return Promise.resolve();
      },
    });
  }

  connect(
    address: Address,
    _timeoutMs: number,
    handler: (c: Connection) => ConnectionHandler,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      this.clock.setTimer(1, () => {
        const accept = this.#accepts.get(address.port);
        if (accept === undefined || this.isBlocked || this.isBlackHole) {
          reject(new Error("connection refused"));
          return;
        }
        const near = new VirtualConnection(this, address);
        const far = new VirtualConnection(this, address);
        near.other = far;
        far.other = near;
        this.#ends.push(near, far);
        far.handler = accept(far);
        near.handler = handler(near);
        resolve(near);
      });
    });
  }

  /** Breaks every connection. */
  cut(): void {
    for (const end of this.#ends.splice(0)) end.break(new Error("connection reset"));
  }

  /** Nothing moves on the connections that are open now; new ones work. */
  freezeOpenConnections(): void {
    for (const end of this.#ends) end.isFrozen = true;
  }

  /** Bytes of the connections for one lane stop on their way until `unstall`. */
  stall(lane: "append"): void {
    // The hello of a lane names it: byte 8 of the payload, behind the header of 12 bytes.
    for (const end of this.#ends) end.isStalled = end.firstBytes?.[12 + 8] === 1 && lane !== null;
  }

  unstall(): void {
    for (const end of this.#ends) {
      end.isStalled = false;
      end.pump();
    }
  }
}

const pieceBytesMax = 65_536;
const queueBytesMax = 200_000;

class VirtualConnection implements Connection {
  readonly remote: Address;
  other: VirtualConnection | undefined;
  handler: ConnectionHandler | undefined;
  firstBytes: Uint8Array | undefined;
  isFrozen = false;
  isStalled = false;
  readonly #network: VirtualNetwork;
  readonly #queue: { bytes: Uint8Array; onSent: (() => void) | undefined }[] = [];
  #isPaused = false;
  #isClosed = false;
  #isFull = false;
  #isPumping = false;

  constructor(network: VirtualNetwork, remote: Address) {
    this.#network = network;
    this.remote = remote;
  }

  send(buffers: readonly Uint8Array[], onSent?: () => void): boolean {
    if (this.#isClosed) {
      if (onSent !== undefined) this.#network.clock.defer(onSent);
      return false;
    }
    // A view, not a copy: a buffer that is reused too early arrives damaged.
    for (const bytes of buffers) this.#queue.push({ bytes, onSent: undefined });
    this.#queue.push({ bytes: new Uint8Array(0), onSent });
    this.firstBytes ??= Buffer.from(buffers[0] ?? []);
    this.pump();
    this.#isFull = this.#queuedBytes() > queueBytesMax;
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.other?.pump();
  }

  close(): void {
    // What was queued still leaves, as with TCP.
    this.#network.clock.setTimer(5, () => {
      this.break(undefined);
      if (!this.isFrozen && !this.#network.isBlackHole) this.other?.break(undefined);
    });
  }

  break(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#network.clock.defer(() => {
      for (const { onSent } of this.#queue.splice(0)) onSent?.();
      this.handler?.onClose(error);
    });
  }

  /** Moves one piece a millisecond, as long as the other end takes it. */
  pump(): void {
    if (this.#isPumping || this.#queue.length === 0) return;
    this.#isPumping = true;
    this.#network.clock.setTimer(1, () => {
      this.#isPumping = false;
      const isStuck = this.isStalled || this.other === undefined || this.other.#isPaused;
      if (this.#isClosed || isStuck) return;
      this.#deliverPiece();
      if (this.#isFull && this.#queuedBytes() === 0) {
        this.#isFull = false;
        this.handler?.onDrain();
      }
      this.pump();
    });
  }

  #deliverPiece(): void {
    const pieces: Uint8Array[] = [];
    let room = pieceBytesMax;
    while (room > 0 && this.#queue[0] !== undefined) {
      const { bytes, onSent } = this.#queue[0];
      pieces.push(bytes.subarray(0, room));
      if (bytes.length > room) this.#queue[0] = { bytes: bytes.subarray(room), onSent };
      else this.#queue.shift();
      room -= Math.min(room, bytes.length);
      if (bytes.length === 0 && onSent !== undefined) this.#network.clock.defer(onSent);
    }
    const bytes = Buffer.concat(pieces);
    const isLost = this.isFrozen || this.#network.isBlackHole;
    if (isLost || bytes.length === 0 || this.other === undefined || this.other.#isClosed) return;
    this.other.handler?.onData(bytes);
    bytes.fill(0xee); // Only valid until the callback returned.
  }

  #queuedBytes(): number {
    return this.#queue.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}
