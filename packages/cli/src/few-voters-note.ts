/**
 * What an operator must know who leaves a cluster with so many brokers that vote on its metadata: lines of text, none where
 * they can spare one, or where it is not known.
 */
export function fewVotersNote(voterCount: number | undefined): readonly string[] {
  if (voterCount === 2) {
    return [
      "note: two brokers are left to vote on the cluster's metadata, and both are needed: while either is away, topics,",
      "configs and brokers cannot be changed, and where one loses its disk the metadata has no majority any more.",
      "Start another broker, before or afterwards, and three vote again.",
    ];
  }
  if (voterCount !== 1) return [];
  return [
    "note: one broker is left that holds the cluster's metadata: while it is away, topics, configs and brokers cannot be",
    "changed, and where it loses its disk, the metadata is lost. Start two others, and three vote again.",
  ];
}
