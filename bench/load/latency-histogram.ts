/** One count a step; a value's step is at most 1/1024 of the value wide. */
const stepsPerDoubling = 1024;
const firstStepsUs = 2 * stepsPerDoubling;
/** Above an hour everything counts as an hour. */
const valueUsMax = 3_600_000_000;

/** What is kept of a histogram between processes and in files: pairs of a step and its count. */
export type HistogramCounts = readonly (readonly [step: number, count: number])[];

/** What people ask of a distribution of times. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p75Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  readonly maxMs: number;
  /** Pairs of a percentile and milliseconds, closer together towards 100. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
}

/**
 * A high dynamic range histogram of times: three significant digits from a microsecond to an hour, in memory
 * that does not grow. Values are microseconds; those below zero count as zero.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(stepOf(valueUsMax) + 1);
  #count = 0;
  #sumUs = 0;

  /** A histogram with these counts. */
  static of(...parts: readonly HistogramCounts[]): LatencyHistogram {
    const histogram = new LatencyHistogram();
    for (const [step, count] of parts.flat()) histogram.record(lowestUsOf(step), count);
    return histogram;
  }

  /** How many values there are. */
  get count(): number {
    return this.#count;
  }

  /** Counts a value, `count` times. */
  record(us: number, count: number = 1): void {
    const value = Math.min(Math.max(Math.round(us), 0), valueUsMax);
    const step = stepOf(value);
    this.#counts[step] = (this.#counts[step] ?? 0) + count;
    this.#count += count;
    this.#sumUs += value * count;
  }

  /** The smallest step's value that `percentile` per cent of all values do not exceed, in milliseconds; 0 without values. */
  percentileMs(percentile: number): number {
    const wanted = Math.max(1, Math.ceil((this.#count * percentile) / 100));
    let seen = 0;
    for (const [step, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return lowestUsOf(step) / 1000;
    }
    return 0;
  }

  /** The figures that are shown. */
  summary(): LatencySummary {
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : this.#sumUs / this.#count / 1000,
      p50Ms: this.percentileMs(50),
      p75Ms: this.percentileMs(75),
      p90Ms: this.percentileMs(90),
      p95Ms: this.percentileMs(95),
      p99Ms: this.percentileMs(99),
      p999Ms: this.percentileMs(99.9),
      p9999Ms: this.percentileMs(99.99),
      maxMs: this.percentileMs(100),
      curve: curvePercentiles.map((percentile) => [percentile, this.percentileMs(percentile)]),
    };
  }

  /** What is needed to make it again. */
  counts(): HistogramCounts {
    return [...this.#counts.entries()].filter(([, count]) => count > 0);
  }
}

/** Eight points each time the rest halves, up to 99.999. */
const curvePercentiles: readonly number[] = Array.from(
  { length: 8 * 17 },
  (_, i) => 100 * (1 - 2 ** (-i / 8)),
);

/** Below 2048 µs each microsecond is a step; above, 1024 steps make a doubling. */
function stepOf(us: number): number {
  if (us < firstStepsUs) return us;
  const doublings = 21 - Math.clz32(us);
  return doublings * stepsPerDoubling + Math.floor(us / 2 ** doublings);
}

function lowestUsOf(step: number): number {
  if (step < firstStepsUs) return step;
  const doublings = Math.floor(step / stepsPerDoubling) - 1;
  return (step - doublings * stepsPerDoubling) * 2 ** doublings;
}
