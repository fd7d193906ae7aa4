/** What another broker says of the cluster that both may belong to. */
export interface EntryAnswer {
  /** Empty: it belongs to none yet. */
  readonly clusterId: string;
  /** The brokers that formed its cluster, or that it is to form one with; ascending. */
  readonly bootstrapIds: readonly number[];
  /** 0: it knows none. */
  readonly controllerId: number;
}

/** What a broker that belongs to no cluster decides by. */
export interface EntryInput {
  readonly brokerId: number;
  /** The brokers that it was told of, ascending; it forms a cluster only where it is one of them. */
  readonly namedIds: readonly number[];
  /** The last answer of every other broker that gave one. */
  readonly answers: ReadonlyMap<number, EntryAnswer>;
  /** Brokers of clusters that connected to this one lately, which they take to be of theirs, and the ids of their clusters. */
  readonly seen: ReadonlyMap<number, string>;
  /** Whether it was told that it may form a cluster; otherwise there is one, and it waits for it. */
  readonly mayForm: boolean;
  /** For how long a majority of the named brokers has been there. */
  readonly majorityMs: number;
  /** Those that are missing are waited for so long. */
  readonly graceMs: number;
}

/** What a broker that belongs to no cluster does next. */
export type EntryDecision =
  /** Begin as one of the brokers that form a cluster. */
  | { readonly kind: "form" }
  /** Ask to be taken in, the first of these brokers first. */
  | { readonly kind: "enter"; readonly clusterId: string; readonly askedIds: readonly number[] }
  | { readonly kind: "wait"; readonly reason: string };

/**
 * Whether a broker without data forms a cluster or enters one. A cluster that somebody knows of is entered, never
 * formed again; nor is one formed while a broker of a cluster counts on this one: then it has lost its disk, and so have
 * others of the founders where they know of none. A new one needs a majority of the named brokers that know of none: two majorities share a
 * broker, so that no two clusters come of one set, whoever starts first and whoever never comes.
 */
export function decideEntry(input: EntryInput): EntryDecision {
  const { answers, brokerId, namedIds } = input;
  const clusterIds = new Set([...answers.values()].flatMap(({ clusterId }) => clusterId || []));
  if (clusterIds.size > 1)
    return waitFor(`the brokers of --peers belong to different clusters: ${described(answers)}`);
  const [clusterId] = clusterIds;
  if (clusterId !== undefined) return { kind: "enter", clusterId, askedIds: askedIds(answers) };
  const lost = lostClusterReason(input);
  if (lost !== undefined) return waitFor(lost);
  if (!namedIds.includes(brokerId)) {
    return waitFor(`none of the brokers ${namedIds.join(", ")} belongs to a cluster yet`);
  }
  const other = [...answers].find(
    ([, { bootstrapIds }]) => bootstrapIds.join() !== namedIds.join(),
  );
  if (other !== undefined) {
    const [otherId, { bootstrapIds }] = other;
    return waitFor(
      `broker ${otherId} is to form a cluster of ${bootstrapIds.join(", ")}, this one of ${namedIds.join(", ")}; --peers must name the same brokers`,
    );
  }
  return formIfEnough(input);
}

/** Why no cluster may be formed though nobody of those that were asked knows of one. */
function lostClusterReason({ brokerId, mayForm, namedIds, seen }: EntryInput): string | undefined {
  const [member] = seen;
  if (member !== undefined) {
    const [memberId, clusterId] = member;
    return `broker ${memberId} of cluster ${clusterId} takes this broker for one of it, and brokers ${namedIds.join(", ")} know of none: where they lost their disks, bring one of them back with its data; where that cluster is to be given up, stop broker ${memberId} first, and give it a minute`;
  }
  if (mayForm) return undefined;
  return `broker ${brokerId} was started to join an existing cluster, and none of the brokers ${namedIds.join(", ")} knows of one; where they are to form one, start them with the initial cluster state new`;
}

/** Whether enough of the named brokers are there to form a cluster, this one included. */
export function isMajorityThere({
  answers,
  namedIds,
}: Pick<EntryInput, "answers" | "namedIds">): boolean {
  return answers.size + 1 > namedIds.length / 2;
}

function formIfEnough(input: EntryInput): EntryDecision {
  const { answers, graceMs, majorityMs, namedIds } = input;
  const isComplete = answers.size + 1 === namedIds.length;
  if (isComplete || (isMajorityThere(input) && majorityMs >= graceMs)) return { kind: "form" };
  const missing = `${answers.size + 1} of the ${namedIds.length} brokers that form the cluster are there`;
  return waitFor(`not registered with a controller yet: ${missing}`);
}

function askedIds(answers: EntryInput["answers"]): number[] {
  const controllers = [...answers.values()].map(({ controllerId }) => controllerId);
  return [...new Set([...controllers, ...answers.keys()])].filter((id) => id !== 0);
}

function described(answers: EntryInput["answers"]): string {
  return [...answers]
    .filter(([, { clusterId }]) => clusterId !== "")
    .map(([id, { clusterId }]) => `broker ${id} to ${clusterId}`)
    .join(", ");
}

function waitFor(reason: string): EntryDecision {
  return { kind: "wait", reason };
}
