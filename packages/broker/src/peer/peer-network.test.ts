import type { Logger } from "@ropewalk/runtime";
import { NodeClock, NodeNetwork, NodeRandom } from "@ropewalk/runtime/node";
import { createMessage } from "raft-ts";
import type { Message } from "raft-ts";
import { afterEach, expect, test } from "vitest";
import type { GroupMessage } from "./message-codec.ts";
import type { PeerConfig } from "./peer-config.ts";
import { PeerNetwork } from "./peer-network.ts";

const host = "127.0.0.1";
const group = { groupId: 9, incarnation: 4 };
const running: PeerNetwork[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.close()));
});

test("PeerNetwork carries 64 MiB of entries in order over loopback, undamaged", async () => {
  const { one, two, received } = await startPair();
  const entryBytes = 256 * 1024;
  const count = 256;
  let sent = 0;
  while (sent < count) {
    if (one.send(2, group, append(sent + 1, entryBytes))) sent += 1;
    else await turn(); // The queue is full: the Raft library would wait for answers here.
    one.flush();
  }
  await until(() => received.length === count, "every message arrived");
  received.forEach(({ message }, at) => {
    const entry = message.entries[0];
    expect(entry?.index).toBe(at + 1);
    expect(entry?.data).toHaveLength(entryBytes);
    expect(entry?.data.every((byte) => byte === (at + 1) % 251)).toBe(true);
  });
  await until(() => two.receivedBytes("append") === 0, "the budget is whole again");
  await until(() => one.queuedBytes("append") === 0, "the queue is empty");
});

test("PeerNetwork.request() answers many callers at once over loopback", async () => {
  const { one } = await startPair();
  const bodies = Array.from({ length: 200 }, (_, at) => Buffer.alloc(at * 997, at % 256));
  const answers = await Promise.all(bodies.map((body) => one.request(2, "echo", body, 10_000)));
  answers.forEach((answer, at) => expect(Buffer.compare(answer, bodies[at] ?? answer)).toBe(0));
});

test("PeerNetwork finds a peer again that was restarted on another port", async () => {
  const { one, two, ports } = await startPair();
  await two.close();
  await until(() => one.connectedPeers().length === 0, "the loss was noticed");
  const received: GroupMessage[] = [];
  const reborn = await start(2, ports, received);
  ports.set(2, reborn.port);
  await until(() => one.connectedPeers().includes(2), "the peer was found again");
  expect(one.send(2, group, append(1, 10))).toBe(true);
  one.flush();
  await until(() => received.length === 1, "the message arrived");
});

test("PeerNetwork.close() leaves nothing behind that listens or retries", async () => {
  const { one, two } = await startPair();
  const { port } = one;
  await one.close();
  await two.close();
  const again = await new NodeNetwork().listen({ host, port }, () => {
    throw new Error("somebody still dials");
  });
  await again.close();
});

async function startPair(): Promise<{
  one: PeerNetwork;
  two: PeerNetwork;
  received: GroupMessage[];
  ports: Map<number, number>;
}> {
  const ports = new Map<number, number>();
  const received: GroupMessage[] = [];
  const config = { queueBytesMax: { control: 2 ** 23, append: 2 ** 23, bulk: 2 ** 26 } };
  const one = await start(1, ports, [], config);
  const two = await start(2, ports, received, config);
  ports.set(1, one.port).set(2, two.port);
  one.connect(2);
  two.connect(1);
  await until(
    () => one.connectedPeers().includes(2) && two.connectedPeers().includes(1),
    "each is connected to the other",
  );
  return { one, two, received, ports };
}

async function start(
  brokerId: number,
  ports: ReadonlyMap<number, number>,
  received: GroupMessage[],
  config: Partial<PeerConfig> = {},
): Promise<PeerNetwork> {
  const ignore = (): void => {};
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: ignore,
    child: () => logger,
  };
  const network = await PeerNetwork.start({
    runtime: {
      clock: new NodeClock(),
      random: new NodeRandom(),
      network: new NodeNetwork(),
      logger,
    },
    brokerId,
    directoryId: `directory-${brokerId}`,
    listen: { host, port: 0 },
    clusterId: () => "cluster",
    addressOf: (id) => {
      const port = ports.get(id);
      return port === undefined ? undefined : { host, port };
    },
    verifyPeer: () => undefined,
    onRaftMessages: (_from, messages) => void received.push(...messages),
    onRequest: (_from, _method, body) => Promise.resolve(body),
    onUnreachable: ignore,
    config,
  });
  running.push(network);
  return network;
}

function append(index: number, dataBytes: number): Message {
  const data = new Uint8Array(dataBytes).fill(index % 251);
  const entries = [{ index, term: 1, type: "normal", data }] as const;
  return { ...createMessage("MsgApp", 2), from: 1, term: 1, index: index - 1, entries };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited too long until ${what}`);
    await turn();
  }
}
