/** Outcome of an election so far. `pending`: neither side can be told the winner yet. */
export type VoteResult = "won" | "lost" | "pending";

/** Where each voter stands: the highest index it acknowledged, undefined when it never answered. */
export interface AckedIndexes {
  ackedIndex(id: number): number | undefined;
}

/**
 * The highest index that a majority of `voters` acknowledged. The empty set restrains nothing, so it
 * answers Infinity: that makes it the neutral half of a joint configuration.
 */
export function majorityCommittedIndex(voters: readonly number[], acked: AckedIndexes): number {
  const count = voters.length;
  if (count === 0) return Infinity;
  const sorted: number[] = [];
  for (let position = 0; position < count; position++) {
    insertAscending(sorted, acked.ackedIndex(voters[position] as number) ?? 0);
  }
  const majority = (count >> 1) + 1;
  return sorted[count - majority] as number;
}

/** Groups are small (3 to 9 voters), so insertion beats a general sort and allocates no closure. */
function insertAscending(sorted: number[], value: number): void {
  let position = sorted.length;
  sorted.push(value);
  while (position > 0 && (sorted[position - 1] as number) > value) {
    sorted[position] = sorted[position - 1] as number;
    position--;
  }
  sorted[position] = value;
}

/** What `votes` (true = granted) decide among `voters`. The empty set wins, as in a joint configuration. */
export function majorityVoteResult(
  voters: readonly number[],
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const majority = voters.length === 0 ? 0 : (voters.length >> 1) + 1;
  if (granted >= majority) return "won";
  return granted + missing >= majority ? "pending" : "lost";
}
