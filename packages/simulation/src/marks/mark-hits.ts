import type { CoverageMark } from "./coverage-marks.ts";

/** A stretch of a source and how often it ran, as V8 tells: the smallest stretch around a place is what counts. */
export interface CoveredRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** What V8 tells of one source file. */
export interface CoveredScript {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly CoveredRange[] }[];
}

/** How often the place of a mark ran. Throws where its text is not in the source, or more than once. */
export function markHits(
  { at, file, name }: CoverageMark,
  source: string,
  scripts: readonly CoveredScript[],
): number {
  const start = source.indexOf(at);
  if (start < 0 || source.indexOf(at, start + 1) >= 0) {
    throw new Error(`"${name}" has no place of its own in ${file}: ${at}`);
  }
  const offset = start + at.length - 1;
  const ranges = scripts
    .filter(({ url }) => url.endsWith(`/packages/${file}`))
    .flatMap(({ functions }) => functions.flatMap((each) => each.ranges))
    .filter(({ endOffset, startOffset }) => startOffset <= offset && offset < endOffset);
  const sizeOf = (range: CoveredRange): number => range.endOffset - range.startOffset;
  return ranges.toSorted((one, other) => sizeOf(one) - sizeOf(other))[0]?.count ?? 0;
}
