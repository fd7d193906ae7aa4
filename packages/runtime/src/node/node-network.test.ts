import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { NetworkError } from "../network.ts";
import type { Address, Connection, ConnectionHandler, Listener } from "../network.ts";
import { NodeNetwork } from "./node-network.ts";

const host = "127.0.0.1";
const network = new NodeNetwork();

/** A handler that keeps what it was told. */
class Recorder implements ConnectionHandler {
  readonly connection: Connection;
  readonly closed: Promise<Error | undefined>;
  readonly #chunks: Buffer[] = [];
  readonly #closed = Promise.withResolvers<Error | undefined>();
  receivedBytes = 0;
  drainCount = 0;
  /** Runs after every callback, to look whether what is waited for is there. */
  onProgress: () => void = () => {};

  constructor(connection: Connection) {
    this.connection = connection;
    this.closed = this.#closed.promise;
  }

  onData(bytes: Uint8Array): void {
    this.#chunks.push(Buffer.from(bytes));
    this.receivedBytes += bytes.byteLength;
    this.onProgress();
  }

  onDrain(): void {
    this.drainCount += 1;
    this.onProgress();
  }

  onClose(error: Error | undefined): void {
    this.#closed.resolve(error);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.onProgress = () => {
        if (condition()) resolve();
      };
      this.onProgress();
    });
  }
}

interface Pair {
  readonly listener: Listener;
  readonly client: Recorder;
  readonly server: Recorder;
}

async function connectedPair(via: NodeNetwork = network): Promise<Pair> {
  const accepted = Promise.withResolvers<Recorder>();
  const listener = await via.listen({ host, port: 0 }, (connection) => {
    const recorder = new Recorder(connection);
    accepted.resolve(recorder);
    return recorder;
  });
  const connected = Promise.withResolvers<Recorder>();
  await via.connect({ host, port: listener.port }, 5_000, (connection) => {
    const recorder = new Recorder(connection);
    connected.resolve(recorder);
    return recorder;
  });
  const [client, server] = await Promise.all([connected.promise, accepted.promise]);
  onTestFinished(async () => {
    client.connection.close();
    server.connection.close();
    await Promise.all([client.closed, server.closed, listener.close()]);
  });
  return { listener, client, server };
}

test("Connection.send() does not wait until the peer has acknowledged what was sent before", async () => {
  // The peer answers the second of two messages only. A system that held that one back would need 40 ms for each
  // round, once it has stopped acknowledging everything at once: a few seconds, where a fraction of one is needed.
  const roundCount = 100;
  const roundsMsMax = 2_000;
  const { client, server } = await connectedPair();
  const message = Buffer.from("x");
  const beganMs = performance.now();
  for (let round = 1; round <= roundCount; round++) {
    client.connection.send([message]);
    await server.until(() => server.receivedBytes === 2 * round - 1);
    client.connection.send([message]);
    await server.until(() => server.receivedBytes === 2 * round);
    server.connection.send([message]);
    await client.until(() => client.receivedBytes === round);
  }
  expect(performance.now() - beganMs).toBeLessThan(roundsMsMax);
});

test("Connection.send() carries buffers in order, both ways", async () => {
  const { client, server, listener } = await connectedPair();
  client.connection.send([Buffer.from("one "), Buffer.from("two ")]);
  client.connection.send([Buffer.from("three")]);
  server.connection.send([Buffer.from("answer")]);
  await server.until(() => server.receivedBytes === 13);
  await client.until(() => client.receivedBytes === 6);
  expect(server.text()).toBe("one two three");
  expect(client.text()).toBe("answer");
  expect(client.connection.remote).toEqual({ host, port: listener.port });
  expect(server.connection.remote.host).toBe(host);
});

test("Connection.send() answers false when its queue is full, and onDrain follows", async () => {
  const { client, server } = await connectedPair(
    new NodeNetwork({ sendQueueBytesMax: 256 * 1024 }),
  );
  server.connection.pause();
  const piece = Buffer.alloc(64 * 1024);
  let sentBytes = piece.byteLength;
  while (client.connection.send([piece])) sentBytes += piece.byteLength;
  expect(client.drainCount).toBe(0);
  server.connection.resume();
  await client.until(() => client.drainCount === 1);
  await server.until(() => server.receivedBytes === sentBytes);
  expect(client.connection.send([piece])).toBe(true);
  await server.until(() => server.receivedBytes === sentBytes + piece.byteLength);
  expect(client.drainCount).toBe(1);
});

test("Connection.pause() holds data back until resume()", async () => {
  const { client, server } = await connectedPair();
  server.connection.pause();
  const sent = Promise.withResolvers<void>();
  client.connection.send([Buffer.from("held")], sent.resolve);
  await sent.promise;
  client.connection.pause();
  expect(server.receivedBytes).toBe(0);
  server.connection.resume();
  await server.until(() => server.receivedBytes === 4);
});

test("Connection.send() calls onSent once for every call, never inside it", async () => {
  const { client, server } = await connectedPair();
  const sent: number[] = [];
  const all = Promise.withResolvers<void>();
  const onSent = (call: number) => () => {
    sent.push(call);
    if (sent.length === 3) all.resolve();
  };
  client.connection.send([Buffer.from("a"), Buffer.from("b")], onSent(0));
  client.connection.send([], onSent(1));
  client.connection.send([Buffer.from("c")], onSent(2));
  expect(sent).toEqual([]);
  await all.promise;
  expect(sent.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  await server.until(() => server.receivedBytes === 3);
});

test("Connection.send() calls onSent for what a broken connection never sent", async () => {
  const { client, server } = await connectedPair();
  server.connection.pause();
  const piece = Buffer.alloc(1024 * 1024);
  const outcomes = Array.from({ length: 32 }, () => Promise.withResolvers<void>());
  for (const { resolve } of outcomes) client.connection.send([piece], resolve);
  client.connection.close();
  await client.closed;
  await Promise.all(outcomes.map(({ promise }) => promise));
  const late = Promise.withResolvers<void>();
  expect(client.connection.send([piece], late.resolve)).toBe(false);
  await late.promise;
});

test("Connection.close() sends what was queued and ends both sides without an error", async () => {
  const { client, server } = await connectedPair();
  client.connection.send([Buffer.from("last words")]);
  client.connection.close();
  client.connection.close();
  expect(await client.closed).toBeUndefined();
  expect(await server.closed).toBeUndefined();
  expect(server.text()).toBe("last words");
});

test("Connection.close() of a paused connection with unread data ends", async () => {
  const { client, server } = await connectedPair();
  server.connection.pause();
  const sent = Promise.withResolvers<void>();
  client.connection.send([Buffer.alloc(64 * 1024)], sent.resolve);
  await sent.promise;
  server.connection.close();
  await server.closed;
  await client.closed;
  expect(server.receivedBytes).toBe(0);
});

test("NodeNetwork.listen() rejects with PORT_IN_USE, naming host and port", async () => {
  const { listener } = await connectedPair();
  const taken: Address = { host, port: listener.port };
  const refused = network.listen(taken, (connection) => new Recorder(connection));
  await expect(refused).rejects.toBeInstanceOf(NetworkError);
  await expect(refused).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: `Cannot listen on ${host}:${taken.port}: the port is in use`,
  });
});

test("NodeNetwork.listen() rejects with PORT_UNAVAILABLE for a host of another machine", async () => {
  await expect(
    network.listen({ host: "192.0.2.1", port: 0 }, (connection) => new Recorder(connection)),
  ).rejects.toMatchObject({ code: "PORT_UNAVAILABLE" });
});

test("Listener.close() gives the port back and leaves connections alone", async () => {
  const { listener, client, server } = await connectedPair();
  await listener.close();
  const address = { host, port: listener.port };
  await expect(
    network.connect(address, 5_000, (connection) => new Recorder(connection)),
  ).rejects.toMatchObject({
    code: "REFUSED",
    message: expect.stringContaining(`Cannot connect to ${host}:${listener.port}: `),
  });
  const again = await network.listen(address, (connection) => new Recorder(connection));
  client.connection.send([Buffer.from("still here")]);
  await server.until(() => server.receivedBytes === 10);
  await again.close();
});

test("NodeNetwork.listen() closes connections beyond its bound", async () => {
  const { listener } = await connectedPair(new NodeNetwork({ connectionCountMax: 1 }));
  const closed = Promise.withResolvers<void>();
  await network.connect({ host, port: listener.port }, 5_000, () => ({
    onData() {},
    onDrain() {},
    onClose: () => closed.resolve(),
  }));
  await closed.promise;
});

test.skipIf(process.platform !== "linux")(
  "NodeNetwork.connect() rejects with TIMEOUT when nobody answers",
  async () => {
    // The system accepts connections for a stopped process until its backlog is full; the next
    // one then waits for ever.
    const { port, child } = await startListenerProcess();
    child.kill("SIGSTOP");
    const attempts = Array.from({ length: 8 }, () =>
      network.connect({ host, port }, 500, (connection) => new Recorder(connection)),
    );
    const outcomes = await Promise.allSettled(attempts);
    const failures = outcomes.flatMap((outcome): unknown[] =>
      outcome.status === "rejected" ? [outcome.reason] : [],
    );
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]).toMatchObject({
      code: "TIMEOUT",
      message: `Cannot connect to ${host}:${port}: no answer within 500 ms`,
    });
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  },
);

async function startListenerProcess(): Promise<{ port: number; child: ChildProcess }> {
  const script = `import { createServer } from "node:net";
    const server = createServer().listen({ host: "${host}", port: 0, backlog: 1 }, () => {
      console.log(server.address().port);
    });`;
  const flags = ["--input-type=module", "--eval", script];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { port: Number(line.toString()), child };
}
