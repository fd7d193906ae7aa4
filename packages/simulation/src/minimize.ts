import type { RunOutcome } from "./run.ts";
import type { RunOptions } from "./run-options.ts";

/** What minimizing needs, and how long it may take. */
export interface Minimizing {
  /** Runs once; whatever it throws counts as another failure. */
  readonly run: (options: RunOptions) => Promise<RunOutcome>;
  /** Runs at most. */
  readonly runsMax: number;
  /** Hears of every smaller run that still fails. */
  readonly onSmaller?: (changes: Partial<RunOptions>) => void;
}

/** Options that are not made smaller: what the world is like, and paces, for a shorter pause is more of what it separates. */
const fixed: ReadonlySet<string> = new Set([
  "seed",
  "livenessMs",
  "link",
  "disk",
  "limits",
  "pauseMsMax",
  "faultEveryMsMax",
  "choreEveryMsMax",
  "memberStayMsMax",
]);

/** The least that makes sense, where it is not 0. */
const least: Readonly<Record<string, number>> = {
  brokerCount: 3,
  partitionCount: 1,
  producerCount: 1,
  valueBytesMax: 1,
  burstMax: 1,
  faultLastsMsMax: 1,
  replicaCountMin: 1,
  growBy: 1,
  busyMs: 1000,
};

/** Which failure it is: the same sentence with other numbers and names is the same failure. */
export function failureKind({ failures }: Pick<RunOutcome, "failures">): string {
  const [first = ""] = failures;
  const [kind = ""] = first.split(":");
  return kind === "liveness" ? first.replace(/\d+/g, "#") : kind;
}

/**
 * Finds a smaller run of a failing seed that fails in the same way: faults are left out one half, quarter, … at a time
 * (delta debugging, Zeller 2002), then numbers and lists of the workload are made smaller one after the other, until
 * nothing can be. Answers what is other than in the seed's own options; `undefined` where the seed does not fail.
 */
export async function minimize(
  options: RunOptions,
  minimizing: Minimizing,
): Promise<Partial<RunOptions> | undefined> {
  const outcome = await minimizing.run(options);
  if (outcome.failures.length === 0) return undefined;
  const kind = failureKind(outcome);
  let changes: Partial<RunOptions> = {};
  let runsLeft = minimizing.runsMax;
  const tries = async (change: Partial<RunOptions>): Promise<boolean> => {
    if (runsLeft-- <= 0) return false;
    const fails = await failsAs(kind, { ...options, ...changes, ...change }, minimizing);
    if (fails) {
      changes = { ...changes, ...change };
      minimizing.onSmaller?.(changes);
    }
    return fails;
  };
  const strikes = Array.from({ length: outcome.strikeCount }, (_, number) => number);
  await shrinkList(strikes, (left) => tries({ strikes: left }));
  for (const [name, value] of Object.entries(options)) {
    if (fixed.has(name) || name === "strikes") continue;
    if (typeof value === "number") {
      await shrinkNumber(value, least[name] ?? 0, (less) => tries({ [name]: less }));
    } else if (Array.isArray(value) && name !== "faults") {
      await shrinkList<unknown>(value, (left) => tries({ [name]: left }));
    }
  }
  return changes;
}

async function failsAs(kind: string, options: RunOptions, { run }: Minimizing): Promise<boolean> {
  try {
    return failureKind(await run(options)) === kind;
  } catch {
    return false;
  }
}

async function shrinkNumber(
  value: number,
  smallest: number,
  tries: (less: number) => Promise<boolean>,
): Promise<void> {
  if (value <= smallest || (await tries(smallest))) return;
  for (let best = value; best > smallest;) {
    const half = Math.max(smallest, Math.floor(best / 2));
    if (half >= best || !(await tries(half))) return;
    best = half;
  }
}

/** Leaves pieces out, smaller and smaller ones, as long as it still fails without them. */
async function shrinkList<T>(
  items: readonly T[],
  tries: (left: readonly T[]) => Promise<boolean>,
): Promise<void> {
  let kept = items;
  for (let pieces = 1; kept.length > 0; pieces *= 2) {
    const length = Math.ceil(kept.length / pieces);
    for (let from = 0; from < kept.length;) {
      const left = [...kept.slice(0, from), ...kept.slice(from + length)];
      if (await tries(left)) kept = left;
      else from += length;
    }
    if (length === 1) return;
  }
}
