import type { ResultRow } from "../results/result-file.ts";
import type { ForecastCosts } from "./cluster-forecast.ts";
import { fitCosts, producePoints } from "./measured-costs.ts";

/** Costs, and which of them a result file did not have. */
export interface FoundCosts {
  readonly costs: ForecastCosts;
  readonly assumptions: readonly string[];
}

type Assumed = Omit<ForecastCosts, "produce">;

const bytesPerMebibyte = 1024 ** 2;
const brokerCount = 3;
const peersOfEach = 2;

/** From earlier runs on two cores (packages/broker/README.md), where the result file says nothing. */
const earlier: Assumed = {
  fetchSecondsPerMegabyte: 0.0015,
  emptyBrokerMebibytes: 150,
  bytesPerReplica: 40_000,
  bytesPerConnection: 60_000,
  metadataBytesPerPartition: 600,
  idleCoresPerReplica: 2e-6,
  idleCoresPerPeer: 2e-3,
};

/** Takes costs from what was measured; what was not is assumed, and named. */
export function forecastCosts(rows: readonly ResultRow[]): FoundCosts {
  const ours = rows.filter(({ system }) => system === "ropewalk");
  const measured: { readonly [Name in keyof Assumed]: number | undefined } = {
    fetchSecondsPerMegabyte: fetchCost(ours),
    emptyBrokerMebibytes: partitionsRow(ours, "no partitions")?.brokerResidentMebibytesMax,
    bytesPerReplica: replicaBytes(ours),
    bytesPerConnection: connectionBytes(ours),
    metadataBytesPerPartition: undefined,
    ...idleCosts(ours),
  };
  const names = Object.keys(earlier).filter((name): name is keyof Assumed => name in earlier);
  const assumptions = names.filter((name) => measured[name] === undefined);
  const taken = Object.fromEntries(names.map((name) => [name, measured[name] ?? earlier[name]]));
  const costs = { ...earlier, ...taken, produce: fitCosts(producePoints(rows)) };
  return { costs, assumptions: assumptions.map((name) => `${name} ${earlier[name]}`) };
}

function fetchCost(rows: readonly ResultRow[]): number | undefined {
  const warm = rows.find(({ label, workload }) => workload === "fetch" && label.startsWith("warm"));
  const secondsPerGigabyte = warm?.figures.brokersCpuSecondsPerGigabyte;
  return secondsPerGigabyte === undefined ? undefined : secondsPerGigabyte / 1000;
}

function replicaBytes(rows: readonly ResultRow[]): number | undefined {
  const before = partitionsRow(rows, "no partitions")?.brokersResidentMebibytes;
  const after = partitionsRow(rows, "idle")?.brokersResidentMebibytes;
  const replicas = replicaCount(rows);
  if (before === undefined || after === undefined || replicas === undefined) return undefined;
  return Math.max(0, ((after - before) * bytesPerMebibyte) / (replicas * brokerCount));
}

/** From what a hundred producers make brokers keep beyond one; each is connected to every broker. */
function connectionBytes(rows: readonly ResultRow[]): number | undefined {
  const residentOf = (producerCount: number): number | undefined =>
    rows.find(
      ({ settings, workload }) =>
        workload === "produce" &&
        settings["producerCount"] === producerCount &&
        settings["recordBytes"] === 1024 &&
        settings["api"] === "write",
    )?.figures.brokersResidentMebibytes;
  const [one, many] = [residentOf(1), residentOf(100)];
  if (one === undefined || many === undefined) return undefined;
  return Math.max(0, ((many - one) * bytesPerMebibyte) / (99 * brokerCount));
}

function idleCosts(
  rows: readonly ResultRow[],
): Pick<
  { [Name in keyof Assumed]: number | undefined },
  "idleCoresPerReplica" | "idleCoresPerPeer"
> {
  const empty = partitionsRow(rows, "no partitions")?.brokersCpuCores;
  const full = partitionsRow(rows, "idle")?.brokersCpuCores;
  const replicas = replicaCount(rows);
  const hasBoth = empty !== undefined && full !== undefined && replicas !== undefined;
  return {
    idleCoresPerPeer: empty === undefined ? undefined : empty / brokerCount / peersOfEach,
    idleCoresPerReplica: hasBoth ? Math.max(0, full - empty) / (replicas * brokerCount) : undefined,
  };
}

function partitionsRow(
  rows: readonly ResultRow[],
  beginning: string,
): ResultRow["figures"] | undefined {
  const found = rows.find(
    ({ label, workload }) => workload === "partitions" && label.startsWith(beginning),
  );
  return found?.figures;
}

/** Every broker has a replica of each partition. */
function replicaCount(rows: readonly ResultRow[]): number | undefined {
  const count = rows.find(({ workload }) => workload === "partitions")?.settings["partitionCount"];
  return typeof count === "number" ? count : undefined;
}
