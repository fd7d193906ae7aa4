import { join } from "node:path";

import type { BrokerConfig } from "@ropewalk/broker";
import type { Address } from "@ropewalk/runtime";

/** The most brokers that `ropewalk dev` starts: their ports are ten apart. */
export const DEV_BROKERS_MAX = 10;

/** The first port unless told otherwise. */
export const DEV_PORT_BASE = 7700;

/** The largest first port: the last one used is 29 above it. */
export const DEV_PORT_BASE_MAX: number = 65_535 - 29;

const PEER_PORTS = 10;
const HTTP_PORTS = 20;
const HOST = "127.0.0.1";

/** What decides where the brokers of `ropewalk dev` live. */
export interface DevLayout {
  readonly brokerCount: number;
  readonly portBase: number;
  readonly dataDirectory: string;
}

/**
 * The configuration of every broker: clients at base + i, peers at base + 10 + i, HTTP at
 * base + 20 + i, on loopback only; data in `broker-1`, `broker-2`, …
 */
export function devBrokerConfigs(layout: DevLayout): BrokerConfig[] {
  const positions = Array.from({ length: layout.brokerCount }, (_, position) => position);
  const at = (port: number): Address => ({ host: HOST, port: layout.portBase + port });
  const bootstrap = positions.map((position) => ({
    brokerId: position + 1,
    address: at(PEER_PORTS + position),
  }));
  return positions.map((position) => ({
    brokerId: position + 1,
    dataDirectory: join(layout.dataDirectory, `broker-${position + 1}`),
    client: { listen: at(position), advertise: at(position) },
    peer: { listen: at(PEER_PORTS + position), advertise: at(PEER_PORTS + position) },
    http: { listen: at(HTTP_PORTS + position) },
    bootstrap,
    rack: "",
    // A cluster of fewer brokers than the usual factor keeps as many replicas as it can.
    limits: { defaultReplicationFactor: Math.min(3, layout.brokerCount) },
  }));
}

/** Every address that the brokers will listen on. */
export function devAddresses(configs: readonly BrokerConfig[]): Address[] {
  return configs.flatMap((config) => [
    config.client.listen,
    config.peer.listen,
    config.http.listen,
  ]);
}

/** What the banner tells beyond the layout. */
export interface DevBannerFacts {
  readonly version: string;
  readonly readyMs: number;
  readonly ephemeral: boolean;
}

/** What `ropewalk dev` prints once the cluster is ready. */
export function devBanner(layout: DevLayout, facts: DevBannerFacts): string {
  const { brokerCount, portBase } = layout;
  const ports = (first: number): number[] =>
    Array.from({ length: brokerCount }, (_, position) => first + position);
  const clients = ports(portBase).map((port) => `localhost:${port}`);
  const metrics = ports(portBase + HTTP_PORTS).map((port) => `http://localhost:${port}/metrics`);
  const bootstrap = portBase === DEV_PORT_BASE ? "" : ` -b localhost:${portBase}`;
  const fate = facts.ephemeral ? "removed at exit" : "kept for the next start";
  const brokers = brokerCount === 1 ? "1 broker is" : `${brokerCount} brokers are`;
  return `Ropewalk ${facts.version}: ${brokers} ready after ${Math.round(facts.readyMs)} ms.

  clients     ${clients.join(", ")}
  metrics     ${metrics.join(", ")}
  data        ${layout.dataDirectory} (${fate})
  durability  ${durability(brokerCount)}

Next, in another terminal:
  npx ropewalk topic create orders --partitions 3${bootstrap}
  echo 'hello' | npx ropewalk produce orders${bootstrap}

Ctrl-C stops.
`;
}

function durability(brokerCount: number): string {
  if (brokerCount === 1) return "a record is acknowledged once it is synced to disk (one copy)";
  return `a record is acknowledged once a majority of its replicas (${Math.min(3, brokerCount)}) has synced it to disk`;
}
