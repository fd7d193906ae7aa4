/** What answers are counted as, by a pattern of their text. */
const EVENTS = {
  elections: /^ready .* soft=\d+\/leader/,
  preCandidates: /^ready .* soft=\d+\/preCandidate/,
  commits: /^ready .* committed=/,
  reads: /^ready .* read=/,
  snapshotsSent: /\{MsgSnap /,
  snapshotsRestored: /^ready .* snapshot=.* (\{MsgStorageAppend|\|)/,
  confChangesCommitted: /^ready .* committed=[^{]* v[12] /,
  jointMemberships: /^ready .* committed=[^{]*(auto|jointImplicit|jointExplicit)\(\w+ /,
  transfers: /\{MsgTimeoutNow /,
  rejectedAppends: /MsgAppResp [^>]*>[^>{<]* reject/,
  droppedProposals: /^propose proposalDropped/,
  restarts: /^restart /,
  storageAppends: /\{MsgStorageAppend /,
} as const satisfies Record<string, RegExp>;

/** Counts what happened in schedules: schedules in which nothing happens prove nothing. */
export class Coverage {
  readonly #counts = new Map<string, number>();
  commands = 0;

  /** Counts what one answer tells of. */
  count(answer: string): void {
    this.commands++;
    for (const [name, pattern] of Object.entries(EVENTS)) {
      if (pattern.test(answer)) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    }
  }

  /** How often each event happened. */
  totals(): Readonly<Record<keyof typeof EVENTS, number>> {
    const counts = this.#counts;
    const of = (name: keyof typeof EVENTS): number => counts.get(name) ?? 0;
    return {
      elections: of("elections"),
      preCandidates: of("preCandidates"),
      commits: of("commits"),
      reads: of("reads"),
      snapshotsSent: of("snapshotsSent"),
      snapshotsRestored: of("snapshotsRestored"),
      confChangesCommitted: of("confChangesCommitted"),
      jointMemberships: of("jointMemberships"),
      transfers: of("transfers"),
      rejectedAppends: of("rejectedAppends"),
      droppedProposals: of("droppedProposals"),
      restarts: of("restarts"),
      storageAppends: of("storageAppends"),
    };
  }
}
