/** The feature levels that a broker can work at, both included. */
export interface FeatureLevels {
  readonly min: number;
  readonly max: number;
}

/** What this version can work at. What came with each level stands in `command-level.ts`, and here below. */
export const supportedFeatureLevels: FeatureLevels = { min: 1, max: 2 };

/** From this level on the metadata remembers brokers that joined until they have their share of the replicas. */
export const newcomersLevel = 2;

/** From this level on the metadata forgets the data directories that were removed longest ago. */
export const forgottenDirectoriesLevel = 2;

/** The highest level that every broker knows; 0 where there are none. */
export function commonFeatureLevel(
  brokers: Iterable<{ readonly featureLevels: FeatureLevels }>,
): number {
  const levels = [...brokers].map(({ featureLevels }) => featureLevels.max);
  return levels.length === 0 ? 0 : Math.min(...levels);
}

/** Why a broker cannot belong to a cluster at this level; `undefined` where it can. */
export function featureLevelFault({ max, min }: FeatureLevels, level: number): string | undefined {
  // Before brokers said what they know there was one level.
  if (max === 0 || (min <= level && level <= max)) return undefined;
  const better = level > max ? "a newer version" : "an older version first";
  return `it works at feature levels ${min} to ${max}, and the cluster is at ${level}; start it with ${better}`;
}
