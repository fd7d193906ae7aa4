/** What a simulation threw, with what does the same again. The test's own error is the `cause`. */
export class SimulationFailure extends Error {
  override readonly name: string = "SimulationFailure";
  /** The seed that fails. */
  readonly seed: string;
  /** The last things that happened in the cluster, with its time. */
  readonly events: readonly string[];

  constructor(seed: string, cause: unknown, events: readonly string[]) {
    super(messageOf(seed, cause, events), { cause });
    this.seed = seed;
    this.events = events;
  }
}

function messageOf(seed: string, cause: unknown, events: readonly string[]): string {
  const what = cause instanceof Error ? cause.message : String(cause);
  return [
    `With seed ${seed}: ${what}`,
    "",
    `The same again: simulate({ seed: ${JSON.stringify(seed)} }, …), or run the test with ROPEWALK_SEED=${seed}`,
    ...(events.length === 0 ? [] : ["", "What happened last in the cluster:", ...events]),
  ].join("\n");
}
