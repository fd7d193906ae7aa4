import type { ProcessUsage } from "../cluster/process-usage.ts";
import type { ResultRow } from "../results/result-file.ts";
import { sumOf } from "../workloads/load-figures.ts";
import type { ClientRun } from "./peer-processes.ts";

const bytesPerMebibyte = 1024 * 1024;

/** What a peer's own client has told. */
export interface ToldLoad {
  readonly recordBytes: number;
  readonly recordsPerSecond: number;
  /** All records of the run, those of a warm-up included: what the processor time was for. */
  readonly records: number;
}

/** The figures of a peer in the shape of ours. Processor time counts whole runs, with the start of the client. */
export function peerFigures(
  { recordBytes, records, recordsPerSecond }: ToldLoad,
  client: ClientRun,
  before: readonly ProcessUsage[],
  after: readonly ProcessUsage[],
): ResultRow["figures"] {
  const gigabytes = (records * recordBytes) / 1e9;
  const cpuSeconds = sumOf(after.map(({ cpuMs }, i) => cpuMs - (before[i]?.cpuMs ?? 0))) / 1000;
  const resident = after.map(({ residentBytes }) => residentBytes / bytesPerMebibyte);
  return {
    recordsPerSecond,
    megabytesPerSecond: (recordsPerSecond * recordBytes) / 1e6,
    brokersCpuSecondsPerGigabyte: cpuSeconds / gigabytes,
    brokersCpuMicrosecondsPerRecord: (cpuSeconds * 1e6) / records,
    generatorCpuSecondsPerGigabyte: client.cpuSeconds / gigabytes,
    brokersResidentMebibytes: sumOf(resident),
    brokerResidentMebibytesMax: Math.max(...resident),
    generatorResidentMebibytes: client.residentBytesMax / bytesPerMebibyte,
  };
}

/** The number that a pattern's first group finds; throws with what was printed where it does not. */
export function numberAfter(output: string, pattern: RegExp): number {
  const found = pattern.exec(output)?.[1];
  if (found === undefined) throw new Error(`no ${pattern.source} in:\n${output.slice(-2000)}`);
  return Number(found);
}
