import { coresFor, type ProduceCosts } from "./measured-costs.ts";

/** What machines a cluster is made of, and what is asked of it. */
export interface ForecastInput {
  readonly recordBytes: number;
  readonly recordsPerBatch: number;
  /** How often each byte is read. */
  readonly readsPerByte: number;
  readonly replicasPerBroker: number;
  readonly clientConnectionsPerBroker: number;
  /** Processors that one broker can keep busy: its event loop, and what the thread pool takes beside it. */
  readonly coresPerBroker: number;
  readonly memoryGibibytes: number;
  readonly networkMegabytesPerSecond: number;
  readonly diskMegabytesPerSecond: number;
  readonly dollarsPerBrokerHour: number;
}

/** What was measured, or assumed where `assumptions` says so. */
export interface ForecastCosts {
  readonly produce: ProduceCosts;
  readonly fetchSecondsPerMegabyte: number;
  readonly emptyBrokerMebibytes: number;
  readonly bytesPerReplica: number;
  readonly bytesPerConnection: number;
  /** Metadata of every partition of the cluster lies on every broker. */
  readonly metadataBytesPerPartition: number;
  readonly idleCoresPerReplica: number;
  /** An upper bound: all that an idle broker does is charged to its peers. */
  readonly idleCoresPerPeer: number;
}

/** What may give out first. */
export type Resource = "processor" | "network" | "disk" | "memory";

/** A cluster of so many brokers. */
export interface Forecast {
  readonly brokers: number;
  readonly partitions: number;
  readonly megabytesPerSecond: number;
  readonly recordsPerSecond: number;
  readonly limit: Resource;
  /** Share of a broker's processors that goes to peers and sleeping replicas, before the first record. */
  readonly fixedShare: number;
  readonly memoryGibibytes: number;
  readonly connections: number;
  readonly dollarsPerMonth: number;
  readonly dollarsPerTerabyte: number;
}

const replicationFactor = 3;
/** A journal that outlives its window is written once more, into segments. */
const writesPerByte = 2;
/** One for each kind of message, in each direction. */
const connectionsPerPeer = 6;
const hoursPerMonth = 730;
const secondsPerMonth = hoursPerMonth * 3600;
const bytesPerGibibyte = 1024 ** 3;

/** What a cluster of so many brokers produces a second, evenly spread, and what stops it from more. */
export function forecastOf(brokers: number, costs: ForecastCosts, input: ForecastInput): Forecast {
  const fixedCores =
    costs.idleCoresPerPeer * (brokers - 1) + costs.idleCoresPerReplica * input.replicasPerBroker;
  const memoryGibibytes = memoryOf(brokers, costs, input);
  const perBroker: Readonly<Record<Resource, number>> = {
    processor: Math.max(0, input.coresPerBroker - fixedCores) / coresPerMegabyte(costs, input),
    network: input.networkMegabytesPerSecond / networkPerMegabyte(input),
    disk: input.diskMegabytesPerSecond / (replicationFactor * writesPerByte),
    memory: memoryGibibytes > input.memoryGibibytes ? 0 : Number.POSITIVE_INFINITY,
  };
  const limit = resources.toSorted((a, b) => perBroker[a] - perBroker[b])[0] ?? "processor";
  const megabytesPerSecond = perBroker[limit] * brokers;
  const dollarsPerMonth = input.dollarsPerBrokerHour * hoursPerMonth * brokers;
  return {
    brokers,
    partitions: Math.floor((input.replicasPerBroker * brokers) / replicationFactor),
    megabytesPerSecond,
    recordsPerSecond: (megabytesPerSecond * 1e6) / input.recordBytes,
    limit,
    fixedShare: Math.min(1, fixedCores / input.coresPerBroker),
    memoryGibibytes,
    connections: (brokers - 1) * connectionsPerPeer + input.clientConnectionsPerBroker,
    dollarsPerMonth,
    dollarsPerTerabyte: dollarsPerMonth / ((megabytesPerSecond * secondsPerMonth) / 1e6),
  };
}

const resources: readonly Resource[] = ["processor", "network", "disk", "memory"];

/** Processors for a produced MB a second, all replicas and all reads together: each broker has its share of them. */
function coresPerMegabyte(costs: ForecastCosts, input: ForecastInput): number {
  const recordsPerSecond = 1e6 / input.recordBytes;
  const batchesPerSecond = recordsPerSecond / input.recordsPerBatch;
  const work = { recordsPerSecond, batchesPerSecond, megabytesPerSecond: 1 };
  return coresFor(costs.produce, work) + costs.fetchSecondsPerMegabyte * input.readsPerByte;
}

/** What the busier direction carries for a produced byte: in, the byte and its copies; out, its copies and what is read. */
function networkPerMegabyte({ readsPerByte }: ForecastInput): number {
  return Math.max(replicationFactor, replicationFactor - 1 + readsPerByte);
}

function memoryOf(brokers: number, costs: ForecastCosts, input: ForecastInput): number {
  const partitions = (input.replicasPerBroker * brokers) / replicationFactor;
  const connections = (brokers - 1) * connectionsPerPeer + input.clientConnectionsPerBroker;
  const bytes =
    costs.emptyBrokerMebibytes * 1024 ** 2 +
    costs.bytesPerReplica * input.replicasPerBroker +
    costs.metadataBytesPerPartition * partitions +
    costs.bytesPerConnection * connections;
  return bytes / bytesPerGibibyte;
}
