import { inspectLog, type GroupLog, LogStore } from "@ropewalk/log";
import type { Runtime } from "@ropewalk/runtime";
import type { Anomaly } from "./anomaly.ts";

/** A machine whose broker was stopped, and a way to what it stored. */
export interface StoppedBroker {
  readonly host: string;
  readonly runtime: Runtime;
}

const directory = "data/log";
const pieceBytes = 1024 * 1024;

/**
 * Holds what stopped brokers have on disk against each other: every log is sound, and of every Raft group the committed
 * entries that several have are the same, byte for byte (log matching and state machine safety, Raft §5.3, §5.4.3).
 */
export async function checkReplicas(brokers: readonly StoppedBroker[]): Promise<Anomaly[]> {
  const anomalies: Anomaly[] = [];
  const stores = await Promise.all(brokers.map((broker) => openStore(broker, anomalies)));
  const replicas = Map.groupBy(
    stores.flatMap((store) => [...store.groups()].map((log) => ({ log, host: hostOf(store) }))),
    ({ log }) => log.key.groupId,
  );
  for (const [groupId, [first, ...others]] of replicas) {
    for (const other of others) {
      if (first === undefined) continue;
      const at = await firstDifference(first.log, other.log);
      if (at === undefined) continue;
      const detail = `entry ${at} of group ${groupId} is not the same on ${first.host} and ${other.host}`;
      anomalies.push({ kind: "replicas differ", detail });
    }
  }
  await Promise.all(stores.map((store) => store.close()));
  return anomalies;

  function hostOf(store: LogStore): string {
    return brokers[stores.indexOf(store)]?.host ?? "";
  }
}

async function openStore(
  { host, runtime }: StoppedBroker,
  anomalies: Anomaly[],
): Promise<LogStore> {
  const { clock, disk, logger } = runtime;
  const { faults } = await inspectLog({ disk, directory });
  for (const { file, position, what } of faults) {
    anomalies.push({ kind: "damaged log", detail: `${host} ${file} at ${position}: ${what}` });
  }
  return LogStore.open({ disk, directory, clock, logger });
}

/** The first committed entry that both have, and that is not the same. */
async function firstDifference(one: GroupLog, other: GroupLog): Promise<number | undefined> {
  const end = Math.min(one.hardState.commit, other.hardState.commit) + 1;
  let next = Math.max(one.firstIndex(), other.firstIndex());
  while (next < end) {
    const [mine, theirs] = [
      await one.fetch(next, end, pieceBytes),
      await other.fetch(next, end, pieceBytes),
    ];
    const count = Math.min(mine.length, theirs.length);
    for (let row = 0; row < count; row++) {
      const [a, b] = [mine[row], theirs[row]];
      const isSame =
        a !== undefined &&
        b !== undefined &&
        a.index === b.index &&
        a.term === b.term &&
        a.type === b.type &&
        Buffer.compare(a.data, b.data) === 0;
      if (!isSame) return next + row;
    }
    next += count;
  }
  return undefined;
}
