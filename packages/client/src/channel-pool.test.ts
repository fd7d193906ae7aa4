import { once } from "node:events";
import { createServer, type ServerHttp2Session, type Settings } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { until } from "../fakes/condition.ts";
import { ChannelPool, flowControlWindowBytes, formatAddress } from "./channel-pool.ts";

describe("ChannelPool", () => {
  test("ChannelPool.channel() connects once per address, with large windows for streams and connection", async () => {
    const server = createServer();
    const sessions: ServerHttp2Session[] = [];
    let settings: Settings = {};
    server.on("session", (session) => {
      sessions.push(session);
      session.on("remoteSettings", (remote: Settings) => (settings = remote));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const pool = new ChannelPool("test");
    const address = formatAddress("127.0.0.1", port);
    expect(pool.channel(address)).toBe(pool.channel(address));
    pool.channel(address).getChannel().getConnectivityState(true);
    await until(
      () => (sessions[0]?.state.remoteWindowSize ?? 0) >= flowControlWindowBytes,
      "the window is open",
    );
    expect(settings.initialWindowSize).toBe(flowControlWindowBytes);
    expect(sessions.length).toBe(1);
    pool.close();
    for (const session of sessions) session.destroy();
    server.close();
  });

  test("ChannelPool.channel() refuses after close()", () => {
    const pool = new ChannelPool("test");
    pool.close();
    expect(() => pool.channel("127.0.0.1:1")).toThrow(/the client is closed/);
  });

  test("formatAddress() puts IPv6 addresses in brackets", () => {
    expect(formatAddress("::1", 7700)).toBe("[::1]:7700");
    expect(formatAddress("host", 7700)).toBe("host:7700");
  });
});
