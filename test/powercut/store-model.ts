import type { HardState } from "@ropewalk/log";
import type { EntryPrint, GroupContent, Step } from "./writer-report.ts";

interface ModelGroup {
  entries: EntryPrint[];
  hardState: HardState;
  endOffset: number;
}

/** How many differences a fault names. */
const namedMax = 5;

/**
 * What a store must hold, known outside of it. The steps form one sequence over all groups; after a
 * power cut the store must hold the result of some beginning of it that contains every acknowledged
 * step, in every group, and nothing else.
 */
export class StoreModel {
  readonly #groups = new Map<string, ModelGroup>();
  /** Not known to be durable yet, in order. */
  #pending: Step[] = [];
  #lastAcknowledged = 0;
  #lastDuringCut = 0;
  /** Entries and steps that were acknowledged, over the model's whole life. */
  acknowledgedEntries = 0;
  acknowledgedSteps = 0;
  /** Steps that were found durable though nobody was told, and steps that vanished. */
  keptUnacknowledged = 0;
  vanishedUnacknowledged = 0;
  /** Steps that were acknowledged while the power went, and vanished. */
  vanishedDuringCut = 0;

  get groupCount(): number {
    return this.#groups.size;
  }

  intend(steps: readonly Step[]): void {
    this.#pending.push(...steps);
  }

  /** Everything up to this write is durable. */
  acknowledge(write: number): void {
    this.#lastAcknowledged = Math.max(this.#lastAcknowledged, write);
    while (this.#pending[0] !== undefined && this.#pending[0].write <= this.#lastAcknowledged) {
      const step = this.#applyNext();
      this.acknowledgedSteps++;
      if (step.kind === "write") this.acknowledgedEntries += step.entries.length;
    }
  }

  /**
   * Somebody was told so after the cut began. A sync that overlaps with the shutdown of a file system
   * may be called done although its data is gone (see README.md): such a step may vanish.
   */
  acknowledgeDuringCut(write: number): void {
    this.#lastDuringCut = write;
  }

  /** Holds what was recovered against what must be; answers what is wrong. From then on that is the state. */
  settle(recovered: readonly GroupContent[]): string | undefined {
    const found = new Map(recovered.map((content) => [content.name, content]));
    const differences = new Map<string, string>();
    const compare = (name: string): void => {
      const difference = differenceOf(this.#groups.get(name), found.get(name));
      if (difference === undefined) differences.delete(name);
      else differences.set(name, difference);
    };
    for (const name of new Set([...this.#groups.keys(), ...found.keys()])) compare(name);
    const atAcknowledged = [...differences].map(([name, difference]) => `${name}: ${difference}`);
    const pendingCount = this.#pending.length;
    while (differences.size > 0 && this.#pending.length > 0) compare(this.#applyNext().group);
    if (differences.size > 0) {
      const named = atAcknowledged.slice(0, namedMax).join("; ");
      return (
        `${atAcknowledged.length} groups differ from write ${this.#lastAcknowledged}, the last ` +
        `acknowledged one, and no beginning of the ${pendingCount} steps after it explains it: ${named}`
      );
    }
    const vanished = this.#pending.filter(({ write }) => write <= this.#lastDuringCut).length;
    this.vanishedDuringCut += vanished;
    this.vanishedUnacknowledged += this.#pending.length - vanished;
    this.keptUnacknowledged += pendingCount - this.#pending.length;
    this.#pending = [];
    return undefined;
  }

  #applyNext(): Step {
    const step = this.#pending.shift();
    if (step === undefined) throw new Error("no step is pending");
    if (step.kind === "delete") this.#groups.delete(step.group);
    else this.#write(step);
    return step;
  }

  #write(step: Step & { kind: "write" }): void {
    let group = this.#groups.get(step.group);
    if (group === undefined) {
      group = { entries: [], hardState: { term: 0, vote: 0, commit: 0 }, endOffset: 0 };
      this.#groups.set(step.group, group);
    }
    if (step.hardState !== undefined) group.hardState = step.hardState;
    if (step.entries.length > 0) {
      group.entries.length = step.firstIndex - 1;
      group.entries.push(...step.entries);
    }
    group.endOffset = step.endOffset;
  }
}

function differenceOf(
  expected: ModelGroup | undefined,
  found: GroupContent | undefined,
): string | undefined {
  if (found?.quarantined !== undefined) return `quarantined: ${found.quarantined}`;
  if (expected === undefined) return found === undefined ? undefined : "should not be there";
  if (found === undefined) return `lost, with ${expected.entries.length} entries`;
  const { entries } = expected;
  const kept = entries.slice(found.firstIndex - 1);
  const shared = Math.min(kept.length, found.entries.length);
  for (let row = 0; row < shared; row++) {
    if (kept[row] !== found.entries[row]) {
      return `entry ${found.firstIndex + row} is "${found.entries[row]}", not "${kept[row]}"`;
    }
  }
  const lastIndex = found.firstIndex + found.entries.length - 1;
  if (entries.length !== lastIndex) return `ends at entry ${lastIndex}, not ${entries.length}`;
  const hardStates = [found.hardState, expected.hardState].map((state) => JSON.stringify(state));
  if (hardStates[0] !== hardStates[1]) return `hard state ${hardStates[0]}, not ${hardStates[1]}`;
  if (found.endOffset === expected.endOffset) return undefined;
  return `ends at offset ${found.endOffset}, not ${expected.endOffset}`;
}
