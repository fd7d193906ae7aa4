/** What happened so far, for metrics. The numbers only grow. */
export interface MultiRaftCounters {
  ticks: number;
  /** Ticks that came too late and were not made up for. */
  ticksDropped: number;
  /** Ticks of single groups: sleeping ones add nothing. */
  groupTicks: number;
  passes: number;
  /** Visits of single groups by passes. */
  visits: number;
  electionsStarted: number;
  hibernations: number;
  wakeUps: number;
  /** Items of batches for groups that are not here. */
  itemsUnknownGroup: number;
  /** Batches that came late or twice. */
  batchesStale: number;
}

/** Counters at zero. */
export function newCounters(): MultiRaftCounters {
  return {
    ticks: 0,
    ticksDropped: 0,
    groupTicks: 0,
    passes: 0,
    visits: 0,
    electionsStarted: 0,
    hibernations: 0,
    wakeUps: 0,
    itemsUnknownGroup: 0,
    batchesStale: 0,
  };
}
