import { type ClientHttp2Session, connect, type Settings } from "node:http2";
import { ServerCredentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  createWindowedServer,
  receiveWindowBytes,
  type WindowedServer,
} from "./windowed-server.ts";

async function opened(): Promise<WindowedServer & { readonly session: ClientHttp2Session }> {
  const windowed = createWindowedServer({ "grpc.enable_channelz": 0 });
  const port = await new Promise<number>((resolve, reject) => {
    windowed.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { ...windowed, session: connect(`http://127.0.0.1:${port}`) };
}

test("createWindowedServer() opens the receive window of streams and of the connection", async () => {
  const { session, shutDown } = await opened();
  const streamWindow = await new Promise<number | undefined>((resolve) => {
    session.once("remoteSettings", ({ initialWindowSize }: Settings) => resolve(initialWindowSize));
  });
  expect(streamWindow).toBe(receiveWindowBytes);
  // The connection's window grows by an update of its own, which follows the settings.
  await expect.poll(() => session.state.remoteWindowSize).toBe(receiveWindowBytes);
  session.destroy();
  shutDown();
});

test("WindowedServer.shutDown() ends connections whose calls are under way, also after a shutdown that waits for them", async () => {
  const { server, session, shutDown } = await opened();
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  session.on("error", () => undefined);
  const call = session.request({ ":method": "POST", "content-type": "application/grpc" });
  call.on("error", () => undefined);
  await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
  server.tryShutdown(() => undefined);
  shutDown();
  await closed;
});
