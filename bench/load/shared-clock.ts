import process from "node:process";

/** Microseconds of the system's monotonic clock, which all processes of a machine read alike. */
export function sharedUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
