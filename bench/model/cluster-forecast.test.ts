import { expect, test } from "vitest";
import { type ForecastCosts, type ForecastInput, forecastOf } from "./cluster-forecast.ts";

const costs: ForecastCosts = {
  produce: { secondsPerRecord: 0, secondsPerBatch: 0, secondsPerMegabyte: 0.005 },
  fetchSecondsPerMegabyte: 0.001,
  emptyBrokerMebibytes: 150,
  bytesPerReplica: 40_000,
  bytesPerConnection: 50_000,
  metadataBytesPerPartition: 500,
  idleCoresPerReplica: 1e-6,
  idleCoresPerPeer: 1e-4,
};
const input: ForecastInput = {
  recordBytes: 1000,
  recordsPerBatch: 100,
  readsPerByte: 1,
  replicasPerBroker: 3000,
  clientConnectionsPerBroker: 1000,
  coresPerBroker: 1.2,
  memoryGibibytes: 16,
  networkMegabytesPerSecond: 1250,
  diskMegabytesPerSecond: 2000,
  dollarsPerBrokerHour: 0.2,
};

test("forecastOf() lets a cluster grow with its brokers, less what they cost each other", () => {
  const [small, large] = [3, 1000].map((brokers) => forecastOf(brokers, costs, input));
  expect(small?.limit).toBe("processor");
  expect(small?.megabytesPerSecond).toBeCloseTo((3 * (1.2 - 0.0002 - 0.003)) / 0.006, 6);
  expect(large?.megabytesPerSecond).toBeCloseTo((1000 * (1.2 - 0.0999 - 0.003)) / 0.006, 6);
  expect(large?.partitions).toBe(1_000_000);
});

test("forecastOf() names what gives out first", () => {
  const limitOf = (changed: Partial<ForecastInput>): string =>
    forecastOf(1000, costs, { ...input, ...changed }).limit;
  expect(limitOf({ diskMegabytesPerSecond: 300 })).toBe("disk");
  expect(limitOf({ networkMegabytesPerSecond: 100 })).toBe("network");
  expect(limitOf({ memoryGibibytes: 0.5 })).toBe("memory");
  expect(forecastOf(1000, costs, { ...input, memoryGibibytes: 0.5 }).megabytesPerSecond).toBe(0);
});
