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
    // Whoever keeps to the protocol is never told that a record does not follow the one before.
    if (fate.kind === "failed" && fate.code === "OUT_OF_ORDER_SEQUENCE_NUMBER") {
      anomalies.push({ kind: "refused sequence", detail: `${value}: ${fate.why}` });
    }
    if (fate.kind !== "acknowledged") continue;
    const found = places.get(value);
    const told = (): string => `${value} was acknowledged at ${fate.partition}:${fate.offset}`;
    const [first] = found ?? [];
    if (found === undefined || first === undefined) {
      if (fate.offset < history.deletedBefore(fate.partition)) continue;
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
    anomalies.push(...checkOffsets(history, log));
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

/** A partition has every offset from its start to its end, and starts at 0 where nobody had records deleted. */
function checkOffsets(history: History, log: FinalLog): Anomaly[] {
  const [first] = log;
  if (first === undefined) return [];
  const least = history.deletedBefore(first.partition);
  const anomalies: Anomaly[] = [];
  if (first.offset > least) {
    const detail = `${first.partition} begins at ${first.offset}, deleted was at most what is before ${least}`;
    anomalies.push({ kind: "deleted on nobody's word", detail });
  }
  for (const [row, { offset, partition, value }] of log.entries()) {
    const before = log[row - 1];
    if (before === undefined || offset === before.offset + 1) continue;
    const detail = `${value} is at ${partition}:${offset} behind ${before.value} at ${before.offset}`;
    anomalies.push({ kind: "offset gap", detail });
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
      const final = finalAt(logs, partition, offset);
      const isDeleted = final === undefined && offset < history.deletedBefore(partition);
      if (!isDeleted && final?.value !== value) {
        anomalies.push({
          kind: "inconsistent offset",
          detail: `${given()}, where finally is ${final?.value ?? "nothing"}`,
        });
      }
    }
  }
  return anomalies;
}

function finalAt(
  logs: ReadonlyMap<number, FinalLog>,
  partition: number,
  offset: number,
): SeenRecord | undefined {
  const log = logs.get(partition) ?? [];
  const record = log[offset - (log[0]?.offset ?? 0)];
  return record?.offset === offset ? record : undefined;
}
