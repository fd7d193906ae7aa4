import type { ResultRow } from "../results/result-file.ts";

/** One measured point: what three brokers did a second, and how many processors they kept busy with it. */
export interface CostPoint {
  readonly label: string;
  readonly recordsPerSecond: number;
  readonly batchesPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly cores: number;
}

/** Processor time of all three replicas together for what is produced once. */
export interface ProduceCosts {
  readonly secondsPerRecord: number;
  readonly secondsPerBatch: number;
  readonly secondsPerMegabyte: number;
}

/** How far the model was from a point that it was not shown. */
export interface CheckedPoint extends CostPoint {
  readonly predictedCores: number;
  /** Of what was measured: 0.1 is 10 % too many. */
  readonly error: number;
}

/** The points of a result file that producing gave. */
export function producePoints(rows: readonly ResultRow[]): readonly CostPoint[] {
  return rows.flatMap(({ figures, label, system, workload }) => {
    const { batchesPerSecond, brokersCpuCores, megabytesPerSecond, recordsPerSecond } = figures;
    if (system !== "ropewalk" || workload !== "produce") return [];
    if (!isAboveZero(brokersCpuCores) || !isAboveZero(recordsPerSecond)) return [];
    if (!isAboveZero(batchesPerSecond) || !isAboveZero(megabytesPerSecond)) return [];
    return [
      { label, recordsPerSecond, batchesPerSecond, megabytesPerSecond, cores: brokersCpuCores },
    ];
  });
}

/**
 * The costs that explain the points best: least squares of the relative errors, none of them below zero. With three
 * unknowns every set of them that may be zero can be tried. Throws where there are fewer than three points.
 */
export function fitCosts(points: readonly CostPoint[]): ProduceCosts {
  if (points.length < unknowns.length)
    throw new Error(
      `cannot tell costs apart from ${points.length} points; at least three are needed`,
    );
  let best: { readonly error: number; readonly costs: readonly number[] } = {
    error: Number.POSITIVE_INFINITY,
    costs: [],
  };
  for (let set = 1; set < 2 ** unknowns.length; set++) {
    const used = unknowns.filter((unknown) => (set & (1 << unknown)) !== 0);
    const costs = leastSquares(points, used);
    if (costs === undefined || costs.some((cost) => cost < 0)) continue;
    const error = points.reduce((sum, point) => sum + (dot(rowOf(point), costs) - 1) ** 2, 0);
    if (error < best.error) best = { error, costs };
  }
  const [secondsPerRecord = 0, secondsPerBatch = 0, secondsPerMegabyte = 0] = best.costs;
  return { secondsPerRecord, secondsPerBatch, secondsPerMegabyte };
}

/** Processors that three brokers need for it. */
export function coresFor(costs: ProduceCosts, work: Omit<CostPoint, "label" | "cores">): number {
  return (
    costs.secondsPerRecord * work.recordsPerSecond +
    costs.secondsPerBatch * work.batchesPerSecond +
    costs.secondsPerMegabyte * work.megabytesPerSecond
  );
}

/** Predicts every point from all the others. */
export function checkCosts(points: readonly CostPoint[]): readonly CheckedPoint[] {
  return points.map((point) => {
    const predictedCores = coresFor(fitCosts(points.filter((other) => other !== point)), point);
    return { ...point, predictedCores, error: predictedCores / point.cores - 1 };
  });
}

/** Records, batches, megabytes. */
const unknowns = [0, 1, 2];

/** A point's work for each processor second that it took: its costs must add up to one. */
function rowOf(point: CostPoint): readonly number[] {
  const { batchesPerSecond, cores, megabytesPerSecond, recordsPerSecond } = point;
  return [recordsPerSecond, batchesPerSecond, megabytesPerSecond].map((each) => each / cores);
}

/** Solves the normal equations of the unknowns that are used, by elimination; the others are zero. */
function leastSquares(
  points: readonly CostPoint[],
  used: readonly number[],
): readonly number[] | undefined {
  const rows = points.map(rowOf);
  const matrix = used.map((i) => [
    ...used.map((k) => rows.reduce((sum, row) => sum + (row[i] ?? 0) * (row[k] ?? 0), 0)),
    rows.reduce((sum, row) => sum + (row[i] ?? 0), 0),
  ]);
  const solved = eliminate(matrix);
  if (solved === undefined) return undefined;
  return unknowns.map((unknown) => solved[used.indexOf(unknown)] ?? 0);
}

function eliminate(matrix: number[][]): readonly number[] | undefined {
  const size = matrix.length;
  for (let column = 0; column < size; column++) {
    const pivotRow = matrix[column] ?? [];
    const pivot = pivotRow[column] ?? 0;
    if (Math.abs(pivot) < Number.EPSILON) return undefined;
    for (let k = 0; k <= size; k++) pivotRow[k] = (pivotRow[k] ?? 0) / pivot;
    for (const [i, row] of matrix.entries()) {
      const factor = row[column] ?? 0;
      if (i === column || factor === 0) continue;
      for (let k = 0; k <= size; k++) row[k] = (row[k] ?? 0) - factor * (pivotRow[k] ?? 0);
    }
  }
  return matrix.map((row) => row[size] ?? 0);
}

function dot(left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, each, i) => sum + each * (right[i] ?? 0), 0);
}

function isAboveZero(value: number | undefined): value is number {
  return value !== undefined && value > 0;
}
