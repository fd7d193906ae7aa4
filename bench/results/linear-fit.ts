/** A point of a series. */
export interface SeriesPoint {
  readonly x: number;
  readonly y: number;
}

/** A straight line through a series, and how sure its slope is. */
export interface LinearFit {
  readonly slope: number;
  /** Of the slope; two of them to either side are its usual range, with points that do not hang on each other. */
  readonly standardError: number;
  readonly intercept: number;
}

/** Least squares. Throws a `RangeError` for fewer than three points, or points of one x. */
export function linearFit(points: readonly SeriesPoint[]): LinearFit {
  const count = points.length;
  if (count < 3) throw new RangeError(`a line with its error needs three points, not ${count}`);
  const meanX = meanOf(points.map(({ x }) => x));
  const meanY = meanOf(points.map(({ y }) => y));
  let squaresX = 0;
  let products = 0;
  for (const { x, y } of points) {
    squaresX += (x - meanX) ** 2;
    products += (x - meanX) * (y - meanY);
  }
  if (squaresX === 0) throw new RangeError("points of one x make no line");
  const slope = products / squaresX;
  const intercept = meanY - slope * meanX;
  const residuals = points.map(({ x, y }) => (y - intercept - slope * x) ** 2);
  const variance = (meanOf(residuals) * count) / (count - 2);
  return { slope, standardError: Math.sqrt(variance / squaresX), intercept };
}

/** Whether the line certainly rises: a slope of nothing lies more than three standard errors below. */
export function isRising({ slope, standardError }: LinearFit): boolean {
  return slope > 3 * standardError;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
