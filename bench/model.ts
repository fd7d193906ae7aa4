/* `npm run bench -- model FILE`: from what was measured on one machine to clusters of 3 to 1,000 brokers. */
import { parseArgs } from "node:util";
import { type Forecast, type ForecastInput, forecastOf } from "./model/cluster-forecast.ts";
import { forecastCosts } from "./model/forecast-costs.ts";
import { checkCosts, producePoints } from "./model/measured-costs.ts";
import { readResultFile } from "./results/result-file.ts";

const clusterSizes = [3, 10, 30, 100, 300, 1000];

/** What is asked of the cluster and what its machines are, unless flags say otherwise. */
const defaults: ForecastInput = {
  recordBytes: 1024,
  recordsPerBatch: 100,
  readsPerByte: 1,
  replicasPerBroker: 3000,
  clientConnectionsPerBroker: 1000,
  coresPerBroker: 1.2,
  memoryGibibytes: 16,
  networkMegabytesPerSecond: 1250,
  diskMegabytesPerSecond: 1000,
  dollarsPerBrokerHour: 0.2,
};

/** Prints what the costs are, how well they explain what was measured, and what they mean for larger clusters. */
export function printModel(args: readonly string[]): void {
  const names = Object.keys(defaults).filter(
    (name): name is keyof ForecastInput => name in defaults,
  );
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: Object.fromEntries(names.map((name) => [flagOf(name), { type: "string" } as const])),
  });
  const [path] = positionals;
  if (path === undefined)
    throw new TypeError(
      `model needs a result file; flags: ${names.map((name) => `--${flagOf(name)}`).join(" ")}`,
    );
  const input = { ...defaults };
  const asked = names.flatMap((name) => {
    const text = values[flagOf(name)];
    return typeof text === "string" ? [[name, Number(text)] as const] : [];
  });
  const wanted = { ...input, ...Object.fromEntries(asked) };
  const { rows } = readResultFile(path);
  printCheck(checkCosts(producePoints(rows)));
  const { assumptions, costs } = forecastCosts(rows);
  const { secondsPerBatch, secondsPerMegabyte, secondsPerRecord } = costs.produce;
  console.log(
    `\nThree replicas together take ${micro(secondsPerRecord)} µs a record, ${micro(secondsPerBatch)} µs a batch, ${(secondsPerMegabyte * 1000).toFixed(2)} s a GB;` +
      ` reading takes ${(costs.fetchSecondsPerMegabyte * 1000).toFixed(2)} s a GB.`,
  );
  if (assumptions.length > 0)
    console.log(`Not in the file, so assumed: ${assumptions.join(", ")}.`);
  console.log(`For ${names.map((name) => `${flagOf(name)} ${wanted[name]}`).join(", ")}:\n`);
  const forecasts = clusterSizes.map((brokers) => forecastOf(brokers, costs, wanted));
  printTable(forecasts);
  console.log(`\n${bendOf(forecasts)}`);
}

function printCheck(checked: ReturnType<typeof checkCosts>): void {
  console.log("Each point, predicted from all others: processors of three brokers");
  printRows(
    ["case", "measured", "predicted", "error"],
    checked.map(({ cores, error, label, predictedCores }) => [
      label,
      cores.toFixed(2),
      predictedCores.toFixed(2),
      `${(error * 100).toFixed(0)} %`,
    ]),
  );
}

function printTable(forecasts: readonly Forecast[]): void {
  const heads = ["brokers", "partitions", "MB/s", "records/s", "limit", "fixed", "GiB each"];
  printRows(
    [...heads, "connections", "$/month", "$/TB"],
    forecasts.map((each) => [
      String(each.brokers),
      each.partitions.toLocaleString("en"),
      Math.round(each.megabytesPerSecond).toLocaleString("en"),
      Math.round(each.recordsPerSecond).toLocaleString("en"),
      each.limit,
      `${(each.fixedShare * 100).toFixed(1)} %`,
      each.memoryGibibytes.toFixed(2),
      each.connections.toLocaleString("en"),
      Math.round(each.dollarsPerMonth).toLocaleString("en"),
      each.dollarsPerTerabyte.toFixed(2),
    ]),
  );
}

/** Where a broker gives noticeably less than in a small cluster, and why. */
function bendOf(forecasts: readonly Forecast[]): string {
  const [small] = forecasts;
  const share = (each: Forecast): number =>
    each.megabytesPerSecond /
    each.brokers /
    ((small?.megabytesPerSecond ?? 0) / (small?.brokers ?? 1));
  const noticeable = 0.9;
  const bent = forecasts.find((each) => share(each) < noticeable);
  if (bent === undefined || small === undefined)
    return "Nothing bends up to 1,000 brokers: each gives what it gives in a cluster of three.";
  const why =
    bent.limit === "memory"
      ? "metadata of all partitions does not fit into a broker's memory; partitions would be split among several metadata groups"
      : `each broker spends ${(bent.fixedShare * 100).toFixed(0)} % on peers and sleeping replicas before the first record; heartbeats would travel to fewer peers, or less often`;
  return `It bends first at ${bent.brokers} brokers, where one gives ${(share(bent) * 100).toFixed(0)} % of what it gives among three: ${why}.`;
}

function printRows(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heads.map((head, i) =>
    Math.max(head.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  for (const row of [heads, ...rows]) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    console.log(`  ${cells.join("  ")}`);
  }
}

function micro(seconds: number): string {
  return (seconds * 1e6).toFixed(2);
}

/** "recordBytes" → "record-bytes" */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
