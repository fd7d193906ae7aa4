import { describe, expect, test } from "vitest";
import { message } from "../fakes/drafts.ts";
import { Observer, type ObservedNode } from "../fakes/invariants.ts";
import { EMPTY_CONF_STATE } from "./conf-state.ts";
import { NO_DATA } from "./entry.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";

/** The other voter, whose part the test takes. */
const otherId = 9;

/** A real node with a log of these terms, which leads a term and commits as soon as the test says so. */
class Leader implements ObservedNode {
  readonly id: number;
  readonly storage: MemoryStorage;
  readonly rawNode: RawNode;
  readonly appliedIndex = 0;
  seenTerm = 0;
  seenCommitted = 0;
  seenLeaderTerm = 0;

  constructor(id: number, term: number, logTerms: readonly number[]) {
    this.id = id;
    this.storage = new MemoryStorage({ ...EMPTY_CONF_STATE, voters: [id, otherId] });
    const entries = logTerms.map((logTerm, at) => {
      return { index: at + 1, term: logTerm, type: "normal", data: NO_DATA } as const;
    });
    this.storage.append(entries);
    this.storage.setHardState({ term: term - 1, vote: 0, commit: 0 });
    this.rawNode = new RawNode({ id, storage: this.storage, random: () => 0, preVote: false });
    this.rawNode.campaign();
    this.#settle();
    this.#hear("MsgVoteResp", 0);
    expect([this.rawNode.role, this.rawNode.term]).toEqual(["leader", term]);
  }

  /** All that it has, an entry of its own term included. */
  commit(): void {
    this.#hear("MsgAppResp", this.rawNode.lastIndex);
    expect(this.rawNode.committed).toBe(this.rawNode.lastIndex);
  }

  termAt(index: number): number {
    return this.rawNode.termAt(index);
  }

  hasDurably(): boolean {
    return true;
  }

  #hear(type: "MsgVoteResp" | "MsgAppResp", index: number): void {
    const { term } = this.rawNode;
    this.rawNode.step(message(type, { to: this.id, from: otherId, term, index }));
    this.#settle();
  }

  #settle(): void {
    while (this.rawNode.hasReady()) {
      const { entries, hardState } = this.rawNode.ready();
      this.storage.append(entries);
      if (hardState !== undefined) this.storage.setHardState(hardState);
      this.rawNode.advance();
    }
  }
}

describe("Observer.observe() holds leaders against what was committed", () => {
  test("and lets one of an earlier term come late, without what was committed after its term", () => {
    const observer = new Observer();
    const committing = new Leader(2, 5, [1]);
    committing.commit();
    observer.observe(committing);
    observer.observe(new Leader(1, 3, []));
    expect(observer.committed).toBe(2);
  });

  test("and finds one of a later term that lacks it", () => {
    const observer = new Observer();
    const committing = new Leader(2, 3, [1]);
    committing.commit();
    observer.observe(committing);
    observer.observe(new Leader(1, 5, [1, 3]));
    expect(() => observer.observe(new Leader(3, 6, [1]))).toThrow(
      "leader completeness: 3 lacks 2 in 6",
    );
  });

  test("and finds one that was elected before anybody knew of it", () => {
    const observer = new Observer();
    const committing = new Leader(2, 3, [1]);
    observer.observe(committing);
    observer.observe(new Leader(1, 5, []));
    committing.commit();
    expect(() => observer.observe(committing)).toThrow("leader completeness: 1 lacks 1 in 5");
  });

  test("and finds that two lead one term", () => {
    const observer = new Observer();
    observer.observe(new Leader(2, 3, [1]));
    expect(() => observer.observe(new Leader(1, 3, [1]))).toThrow("election safety");
  });
});
