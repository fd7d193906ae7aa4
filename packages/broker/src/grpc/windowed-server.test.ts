import { connect, type Http2Session } from "node:http2";
import { ServerCredentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { createWindowedServer, receiveWindowBytes } from "./windowed-server.ts";

test("createWindowedServer() opens the receive window of streams and of the connection", async () => {
  const server = createWindowedServer({});
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const session: Http2Session = connect(`http://127.0.0.1:${port}`);
  const streamWindow = await new Promise<number | undefined>((resolve) => {
    session.once("remoteSettings", (settings) => resolve(settings.initialWindowSize));
  });
  expect(streamWindow).toBe(receiveWindowBytes);
  // The connection's window grows by an update of its own, which follows the settings.
  await expect.poll(() => session.state.remoteWindowSize).toBe(receiveWindowBytes);
  session.destroy();
  server.forceShutdown();
});
