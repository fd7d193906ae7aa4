import type { GroupEvent } from "../workload/group-history.ts";

/** Something that must never be of a consumer group. */
export interface GroupAnomaly {
  readonly kind: "group offset regression" | "skipped by the group";
  readonly detail: string;
}

/**
 * Judges what happened to a consumer group. Its offsets never go back by themselves: whoever asks is told at least what
 * had been acknowledged, or told, before. What lies below a committed offset was given to a member: nothing is skipped,
 * but for records that somebody had deleted, which `deletedBefore` tells by partition.
 */
export function checkGroup(
  events: readonly GroupEvent[],
  deletedBefore: (partition: number) => number = (): number => 0,
): GroupAnomaly[] {
  return [...checkRegressions(events), ...checkCommits(events, deletedBefore)];
}

function checkRegressions(events: readonly GroupEvent[]): GroupAnomaly[] {
  const anomalies: GroupAnomaly[] = [];
  const floor = new Map<number, number>();
  const floors = new Map<number, ReadonlyMap<number, number>>();
  const rewound = new Map<number, number>();
  const raise = (partition: number, offset: number): void => {
    floor.set(partition, Math.max(offset, floor.get(partition) ?? 0));
  };
  for (const event of events) {
    if (event.kind === "committed") raise(event.partition, event.offset);
    if (event.kind === "rewound") {
      const { offset, partition } = event;
      rewound.set(partition, Math.min(offset, rewound.get(partition) ?? offset));
    }
    if (event.kind === "asked") floors.set(event.question, new Map(floor));
    if (event.kind !== "told") continue;
    for (const [partition, least] of floors.get(event.question) ?? []) {
      const told = event.offsets.get(partition);
      const lowest = Math.min(least, rewound.get(partition) ?? least);
      if (told !== undefined && told >= lowest) continue;
      const detail = `partition ${partition} was at ${least}, and later at ${told ?? "nothing"}`;
      anomalies.push({ kind: "group offset regression", detail });
    }
    for (const [partition, offset] of event.offsets) raise(partition, offset);
  }
  return anomalies;
}

function checkCommits(
  events: readonly GroupEvent[],
  deletedBefore: (partition: number) => number,
): GroupAnomaly[] {
  const anomalies: GroupAnomaly[] = [];
  const delivered = new Map<number, Set<number>>();
  const checked = new Map<number, number>();
  const check = (partition: number, end: number): void => {
    for (let offset = checked.get(partition) ?? 0; offset < end; offset++) {
      if (offset < deletedBefore(partition)) continue;
      if (delivered.get(partition)?.has(offset) === true) continue;
      const detail = `${partition}:${offset} lies below the committed ${end}, and nobody was given it`;
      anomalies.push({ kind: "skipped by the group", detail });
    }
    checked.set(partition, Math.max(end, checked.get(partition) ?? 0));
  };
  for (const event of events) {
    if (event.kind === "delivered") {
      const offsets = delivered.get(event.partition) ?? new Set();
      delivered.set(event.partition, offsets.add(event.offset));
    } else if (event.kind === "committed") check(event.partition, event.offset);
    else if (event.kind === "told") for (const [at, end] of event.offsets) check(at, end);
  }
  return anomalies;
}
