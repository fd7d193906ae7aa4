import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { HttpAnswer } from "../http.ts";
import type { LogFields, Logger } from "../logger.ts";
import { NodeHttp } from "./node-http.ts";

const host = "127.0.0.1";

/** A logger that keeps the errors it is given. */
class ErrorLog implements Logger {
  readonly errors: LogFields[] = [];
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(_message: string, fields: LogFields = {}): void {
    this.errors.push(fields);
  }
  child(): Logger {
    return this;
  }
}

const log = new ErrorLog();
const http = new NodeHttp(log);

async function serve(
  answer: (path: string) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>,
): Promise<{ url: string; port: number; close: () => Promise<void> }> {
  const listener = await http.serve({ host, port: 0 }, answer);
  onTestFinished(() => listener.close());
  const { port } = listener;
  return { url: `http://${host}:${port}`, port, close: () => listener.close() };
}

test("NodeHttp answers GET on a path, without its query, and 404 otherwise", async () => {
  const { url } = await serve(async (path) =>
    path === "/metrics"
      ? Promise.resolve({ status: 200, contentType: "text/plain", body: "größe 1\n" })
      : undefined,
  );
  const found = await fetch(`${url}/metrics?name=x`);
  expect(found.status).toBe(200);
  expect(found.headers.get("content-type")).toBe("text/plain");
  expect(found.headers.get("connection")).toBe("close");
  expect(await found.text()).toBe("größe 1\n");
  expect((await fetch(`${url}/other`)).status).toBe(404);
});

test("NodeHttp answers 405 to anything but GET", async () => {
  const { url } = await serve(() => ({ status: 200, contentType: "text/plain", body: "" }));
  const refused = await fetch(url, { method: "POST", body: "x".repeat(100_000) });
  expect(refused.status).toBe(405);
  expect(refused.headers.get("allow")).toBe("GET");
});

test("NodeHttp answers 500 and logs the reason when the answer cannot be made", async () => {
  const failure = new Error("secret detail");
  const { url } = await serve(() => Promise.reject(failure));
  const failed = await fetch(`${url}/ready`);
  expect(failed.status).toBe(500);
  expect(await failed.text()).not.toContain("secret");
  expect(log.errors).toContainEqual({ path: "/ready", error: failure });
});

test("Listener.close() of an HTTP door cuts what is under way", async () => {
  const asked = Promise.withResolvers<void>();
  const { port, close } = await serve(() => {
    asked.resolve();
    return new Promise(() => {}); // Never answered.
  });
  const socket = connect({ host, port });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
  await asked.promise;
  await close();
  await closed;
});

test("NodeHttp.serve() rejects with PORT_IN_USE, naming the port", async () => {
  const { port } = await serve(() => undefined);
  await expect(http.serve({ host, port }, () => undefined)).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: `Cannot listen on ${host}:${port}: the port is in use`,
  });
});
