import type { Parsed } from "./parsed.ts";

const BYTES_PER_MEGABYTE = 1_000_000;
const BROKER_ID_MAX = 2 ** 31 - 1;

/** Reads broker ids, "1,2,3". */
export function parseReplicas(text: string): Parsed<readonly number[]> {
  const ids = text.split(",").map((part) => (/^\d{1,10}$/.test(part.trim()) ? Number(part) : 0));
  if (ids.some((id) => id < 1 || id > BROKER_ID_MAX)) {
    return { fault: "it must be ids of brokers, like 1,2,3" };
  }
  if (new Set(ids).size !== ids.length) return { fault: "it names a broker twice" };
  return { value: ids };
}

/** Reads megabytes a second, "50" or "0.5", as bytes a second. */
export function parseThrottle(text: string): Parsed<number> {
  const megabytes = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(megabytes)) return { fault: "it must be megabytes a second, like 50" };
  return { value: Math.round(megabytes * BYTES_PER_MEGABYTE) };
}

/** Bytes a second, for people. */
export function formatThrottle(bytesPerSecond: number): string {
  return bytesPerSecond === 0 ? "none" : `${bytesPerSecond / BYTES_PER_MEGABYTE} MB/s`;
}
