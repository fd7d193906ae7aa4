import { describe, expect, test } from "vitest";

import {
  resolveBrokerSettings,
  type SettingsOutcome,
  type SettingSources,
} from "./broker-settings.ts";

function resolve(sources: Partial<SettingSources>): SettingsOutcome {
  return resolveBrokerSettings({
    flags: {},
    environment: {},
    file: undefined,
    hostname: "ropewalk-1",
    ...sources,
  });
}

function file(content: string): SettingSources["file"] {
  return { path: "b.yaml", content };
}

describe("resolveBrokerSettings()", () => {
  test("resolveBrokerSettings() makes a loopback cluster of one from nothing", () => {
    const listen = { host: "127.0.0.1", port: 7700 };
    const peer = { host: "127.0.0.1", port: 7710 };
    expect(resolve({}).settings).toEqual({
      brokerId: 1,
      dataDirectory: "./ropewalk-data",
      client: { listen, advertise: listen },
      peer: { listen: peer, advertise: peer },
      http: { listen: { host: "127.0.0.1", port: 7720 } },
      bootstrap: [{ brokerId: 1, address: peer }],
      mayForm: true,
      rack: "",
      logLevel: "info",
    });
  });

  test("resolveBrokerSettings() listens for peers where --peers says, on this machine", () => {
    const flags = { id: "2", peers: "1=127.0.0.1:1,2=127.0.0.1:7002" };
    const named = { host: "127.0.0.1", port: 7002 };
    expect(resolve({ flags }).settings?.peer).toEqual({ listen: named, advertise: named });
    const told = { ...flags, "peer-listen": "127.0.0.1:9" };
    expect(resolve({ flags: told }).settings?.peer.listen.port).toBe(9);
  });

  test("resolveBrokerSettings() takes etcd's words for whether a cluster may be formed", () => {
    const named = (state: string) => resolve({ flags: { "initial-cluster-state": state } });
    expect(named("new").settings?.mayForm).toBe(true);
    expect(named("existing").settings?.mayForm).toBe(false);
    expect(named("old").problems).toEqual([
      '--initial-cluster-state: "old" is neither new nor existing',
    ]);
  });

  test("resolveBrokerSettings() prefers flag over environment over file over default", () => {
    const settings = resolve({
      flags: { rack: "flag" },
      environment: { ROPEWALK_RACK: "env", ROPEWALK_DATA_DIR: "/env", ROPEWALK_LISTEN: "" },
      file: file("rack: file\ndata-dir: /file\nlisten: 127.0.0.1:1\n"),
    }).settings;
    expect(settings).toMatchObject({
      rack: "flag",
      dataDirectory: "/env",
      client: { listen: { port: 1 } },
      logLevel: "info",
    });
  });

  test.each([
    ["YAML", "id: 2\npeers:\n  1: 127.0.0.1:7710\n  2: 127.0.0.1:7711\n"],
    ["YAML with a list in a string", 'id: "2"\npeers: 1=127.0.0.1:7710,2=127.0.0.1:7711\n'],
    ["JSON", '{"id": 2, "peers": {"1": "127.0.0.1:7710", "2": "127.0.0.1:7711"}}'],
  ])(
    "resolveBrokerSettings() reads %s, and takes its peer address from the peers",
    (_what, content) => {
      expect(resolve({ file: file(content) }).settings).toMatchObject({
        brokerId: 2,
        peer: { advertise: { port: 7711 } },
        bootstrap: [{ brokerId: 1 }, { brokerId: 2 }],
      });
    },
  );

  test("resolveBrokerSettings() lets all pods of a StatefulSet share one environment", () => {
    const environment = {
      ROPEWALK_ID: "auto",
      ROPEWALK_LISTEN: "0.0.0.0:7700",
      ROPEWALK_ADVERTISE: "{hostname}.ropewalk:7700",
      ROPEWALK_PEER_LISTEN: "0.0.0.0:7710",
      ROPEWALK_PEER_ADVERTISE: "{hostname}.ropewalk:7710",
      ROPEWALK_HTTP_LISTEN: "0.0.0.0:7720",
      ROPEWALK_PEERS: "1..3=ropewalk-{ordinal}.ropewalk:7710",
      ROPEWALK_RACK: "host-{ordinal}",
      // What Kubernetes adds for a service of that name is none of ours.
      ROPEWALK_SERVICE_HOST: "10.0.0.1",
      ROPEWALK_PORT: "tcp://10.0.0.1:7700",
    };
    expect(resolve({ environment }).settings).toMatchObject({
      brokerId: 2,
      client: { advertise: { host: "ropewalk-1.ropewalk", port: 7700 } },
      peer: { advertise: { host: "ropewalk-1.ropewalk", port: 7710 } },
      bootstrap: [
        { brokerId: 1 },
        { brokerId: 2, address: { host: "ropewalk-1.ropewalk", port: 7710 } },
        { brokerId: 3 },
      ],
      rack: "host-1",
    });
  });

  test("resolveBrokerSettings() advertises its host name where it listens on every interface", () => {
    expect(resolve({ flags: { listen: "0.0.0.0:9" } }).settings?.client.advertise).toEqual({
      host: "ropewalk-1",
      port: 9,
    });
  });

  test("resolveBrokerSettings() reports every problem, and where each came from", () => {
    const outcome = resolve({
      flags: { listen: "nowhere" },
      environment: { ROPEWALK_ID: "zero", ROPEWALK_LOG_LEVEL: "loud" },
      file: file("peer_listen: 127.0.0.1:7710\nport: 1\nhttp-listen: a:0\nrack:\n"),
    });
    expect(outcome.problems).toEqual([
      "b.yaml:1: peer_listen is not a setting; write peer-listen",
      expect.stringContaining("b.yaml:2: port is not a setting; there are id, data-dir,"),
      "b.yaml:4: rack has no value that could be read",
      'ROPEWALK_ID: "zero" is not an id; ids are 1–2147483647, or auto',
      'ROPEWALK_LOG_LEVEL: "loud" is not one of debug, info, warn, error',
      "b.yaml:3: http-listen: port 0 is not in 1–65535",
      '--listen: "nowhere" has no port; write nowhere:PORT',
    ]);
  });

  test("takes peers without this broker: it joins their cluster, and says itself where it is reached", () => {
    const { settings } = resolve({
      flags: { id: "4", peers: "1=localhost:1", "peer-listen": "127.0.0.1:9" },
    });
    expect(settings).toMatchObject({
      brokerId: 4,
      bootstrap: [{ brokerId: 1 }],
      peer: { advertise: { host: "127.0.0.1", port: 9 } },
    });
  });

  test.each([
    [
      "peers without an id",
      { peers: "1=localhost:1" },
      "--id: it is not set, but peers are; say which of them this broker is",
    ],
    [
      "a loopback address for others",
      { id: "1", peers: "1=a:1" },
      "peer-listen (default): 127.0.0.1:7710 cannot be reached as a:1; listen on 0.0.0.0:7710",
    ],
    [
      "an address nobody can use",
      { listen: "0.0.0.0:1", advertise: "0.0.0.0:1" },
      "--advertise: nobody can connect to 0.0.0.0:1",
    ],
    [
      "a placeholder that is not known",
      { rack: "{zone}" },
      "--rack: {zone} is not known; there are {id}, {ordinal} and {hostname}",
    ],
  ])("resolveBrokerSettings() refuses %s", (_what, flags, problem) => {
    expect(resolve({ flags }).problems).toEqual([problem]);
  });

  test("resolveBrokerSettings() refuses an automatic id where the host has no number", () => {
    expect(resolve({ flags: { id: "auto" }, hostname: "laptop" }).problems).toEqual([
      "--id: auto needs a host name that ends in a number, as in ropewalk-0; it is laptop",
    ]);
  });

  test.each([
    ["id: [1\n", /^b\.yaml:\d+: /],
    ["- id\n", /^b\.yaml:1: it is not a mapping/],
    ["id: 1\nid: 2\n", /^b\.yaml:2: /],
  ])("resolveBrokerSettings() refuses the file %j", (content, problem) => {
    expect(resolve({ file: file(content) }).problems?.[0]).toMatch(problem);
  });

  test("resolveBrokerSettings() accepts an empty file", () => {
    expect(resolve({ file: file("# nothing\n") }).settings?.brokerId).toBe(1);
  });
});
