import { readFileSync } from "node:fs";

/** What a process has taken so far. */
export interface ProcessUsage {
  /** Processor time of all its threads, in user and kernel mode, in steps of 10 ms. */
  readonly cpuMs: number;
  /** Resident memory (VmRSS): with the pages of files that it maps, such as LMDB's. */
  readonly residentBytes: number;
}

/** Linux counts processor time for user programs in ticks of 10 ms (`USER_HZ`), whatever the kernel does. */
const msPerTick = 10;

/** Places in /proc/PID/stat, counted after the name of the program, which may contain blanks. */
const userTicksPlace = 11;
const systemTicksPlace = 12;

/** Reads what Linux says of a process; throws where it does not run, or on another system. */
export function processUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[userTicksPlace]) + Number(fields[systemTicksPlace]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return { cpuMs: ticks * msPerTick, residentBytes: Number(kibibytes) * 1024 };
}
