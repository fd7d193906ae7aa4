import { type History, type SeenRecord, valueOf } from "../workload/history.ts";
import type { Anomaly } from "./anomaly.ts";

/** What the final reading of one partition gave, in order. */
export type FinalLog = readonly SeenRecord[];

/**
 * Judges a history against the final logs of all partitions, which were read from their start to their end when
 * everything had healed. Names follow Jepsen's Kafka workload.
 */
export function checkHistory(history: History, logs: ReadonlyMap<number, FinalLog>): Anomaly[] {
  return [
    ...checkAcknowledged(history, logs),
    ...checkLogs(history, logs),
    ...checkPolls(history, logs),
  ];
}

function checkAcknowledged(history: History, logs: ReadonlyMap<number, FinalLog>): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const places = new Map<string, SeenRecord[]>();
  for (const record of [...logs.values()].flat()) {
    const found = places.get(record.value);
    if (found === undefined) places.set(record.value, [record]);
    else found.push(record);
  }
  for (const [value, { fate }] of history.written) {
    if (fate.kind !== "acknowledged") continue;
    const found = places.get(value);
    const told = (): string => `${value} was acknowledged at ${fate.partition}:${fate.offset}`;
    const [first] = found ?? [];
    if (found === undefined || first === undefined) {
      anomalies.push({ kind: "lost write", detail: told() });
    } else if (
      !found.some(({ offset, partition }) => partition === fate.partition && offset === fate.offset)
    ) {
      const detail = `${told()} and is at ${first.partition}:${first.offset}`;
      anomalies.push({ kind: "inconsistent offset", detail });
    }
  }
  return anomalies;
}

function checkLogs(history: History, logs: ReadonlyMap<number, FinalLog>): Anomaly[] {
  const anomalies: Anomaly[] = [];
  const seen = new Set<string>();
  for (const log of logs.values()) {
    const last = new Map<string, number>();
    for (const { offset, partition, value } of log) {
      const at = (): string => `${value} at ${partition}:${offset}`;
      const record = history.written.get(value);
      if (record === undefined) {
        anomalies.push({ kind: "phantom write", detail: at() });
        continue;
      }
      const { fate, number, producer } = record;
      const isPlain = history.plainProducers.has(producer);
      if (!isPlain && seen.has(value)) anomalies.push({ kind: "duplicate", detail: at() });
      seen.add(value);
      if (fate.kind === "failed" && fate.outcome === "definite") {
        anomalies.push({ kind: "aborted write seen", detail: `${at()}: ${fate.why}` });
      }
      const before = last.get(producer) ?? -1;
      if (!isPlain && number <= before) {
        const detail = `${at()} behind ${valueOf({ producer, number: before })}`;
        anomalies.push({ kind: "reordered write", detail });
      }
      last.set(producer, number);
    }
  }
  return anomalies;
}

function checkPolls(history: History, logs: ReadonlyMap<number, FinalLog>): Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const [consumer, records] of history.seen) {
    const next = new Map<number, number>();
    for (const { offset, partition, value } of records) {
      const given = (): string => `${consumer} was given ${value} at ${partition}:${offset}`;
      const expected = next.get(partition);
      if (expected !== undefined && offset < expected) {
        anomalies.push({ kind: "non-monotonic poll", detail: `${given()} after ${expected - 1}` });
      } else if (expected !== undefined && offset > expected) {
        anomalies.push({ kind: "skipped poll", detail: `${given()} instead of ${expected}` });
      }
      next.set(partition, offset + 1);
      const final = logs.get(partition)?.[offset];
      if (final?.offset !== offset || final.value !== value) {
        anomalies.push({
          kind: "inconsistent offset",
          detail: `${given()}, where finally is ${final?.value ?? "nothing"}`,
        });
      }
    }
  }
  return anomalies;
}
