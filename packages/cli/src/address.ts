import type { Address } from "@ropewalk/runtime";

import type { Parsed } from "./parsed.ts";

const PORT_MAX = 65_535;

/**
 * Reads `host:port`, `[::1]:port`, and, where there is a default port, `host` alone. Port 0 (any
 * free port) counts as a fault: nobody could be told where it is.
 */
export function parseAddress(text: string, defaultPort?: number): Parsed<Address> {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]]+))(?::(\d+))?$/.exec(text);
  if (match === null) return { fault: `"${text}" is not host:port` };
  const host = match[1] ?? match[2] ?? "";
  if (match[3] === undefined) {
    if (defaultPort === undefined) return { fault: `"${text}" has no port; write ${text}:PORT` };
    return { value: { host, port: defaultPort } };
  }
  const port = Number(match[3]);
  if (port < 1 || port > PORT_MAX) return { fault: `port ${match[3]} is not in 1–${PORT_MAX}` };
  return { value: { host, port } };
}

/** Writes an address the way {@link parseAddress} reads it. */
export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Whether a host stands for every interface of the machine, so that nobody can connect to it by that name. */
export function isWildcardHost(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** Whether a host is this machine as only this machine sees it. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}
