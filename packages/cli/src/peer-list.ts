import type { Address } from "@ropewalk/runtime";

import { parseAddress } from "./address.ts";
import type { Parsed } from "./parsed.ts";
import { expandPlaceholders } from "./placeholder.ts";

/** A broker of the set that forms the cluster, and where the others reach it. */
export interface Peer {
  readonly brokerId: number;
  readonly address: Address;
}

/** The largest id of a broker: ids are signed 32-bit integers in Kafka's protocol. */
export const BROKER_ID_MAX: number = 2 ** 31 - 1;

const PEERS_MAX = 1000;

/**
 * Reads the brokers of a cluster: `1=a:7710,2=b:7710`. A range of ids stands for one entry each, with
 * `{id}` or `{ordinal}` (the id minus one) in the host: `1..3=ropewalk-{ordinal}.peers:7710`.
 */
export function parsePeerList(text: string): Parsed<readonly Peer[]> {
  const peers = new Map<number, Peer>();
  for (const part of text.split(",")) {
    const entry = parseEntry(part.trim());
    if (entry.fault !== undefined) return entry;
    for (const peer of entry.value) {
      if (peers.has(peer.brokerId)) return { fault: `broker ${peer.brokerId} is there twice` };
      peers.set(peer.brokerId, peer);
    }
    if (peers.size > PEERS_MAX) return { fault: `there are more than ${PEERS_MAX} brokers` };
  }
  return { value: [...peers.values()].toSorted((a, b) => a.brokerId - b.brokerId) };
}

function parseEntry(text: string): Parsed<readonly Peer[]> {
  const match = /^(\d{1,10})(?:\.\.(\d{1,10}))?=(.+)$/.exec(text);
  if (match === null) return { fault: `"${text}" is not ID=host:port or FIRST..LAST=host:port` };
  const firstId = Number(match[1]);
  const lastId = Number(match[2] ?? match[1]);
  if (firstId < 1 || lastId > BROKER_ID_MAX)
    return { fault: `"${text}" has an id outside 1–${BROKER_ID_MAX}` };
  if (lastId < firstId) return { fault: `"${text}" is an empty range` };
  if (lastId - firstId >= PEERS_MAX)
    return { fault: `"${text}" names more than ${PEERS_MAX} brokers` };
  return expandEntry(match[3] ?? "", firstId, lastId);
}

function expandEntry(template: string, firstId: number, lastId: number): Parsed<readonly Peer[]> {
  if (template.includes("{hostname}"))
    return { fault: "{hostname} is this broker's own; use {id} or {ordinal}" };
  if (firstId !== lastId && !/\{(?:id|ordinal)\}/.test(template)) {
    return {
      fault: `"${template}" is the same for every broker of the range; use {id} or {ordinal}`,
    };
  }
  const peers: Peer[] = [];
  for (let brokerId = firstId; brokerId <= lastId; brokerId += 1) {
    const expanded = expandPlaceholders(template, { brokerId, hostname: "" });
    if (expanded.fault !== undefined) return expanded;
    const address = parseAddress(expanded.value);
    if (address.fault !== undefined) return address;
    peers.push({ brokerId, address: address.value });
  }
  return { value: peers };
}
