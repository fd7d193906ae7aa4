import type { Proposed } from "../raft/raft-group.ts";
import type { ProposalListener } from "../raft/state-machine.ts";

/** Whether a leader still was one when it was asked; "busy": it can find that out later only. */
export type Standing = "leads" | "deposed" | "busy";

/**
 * For what a leader refuses because of what its log lacks. One that was deposed and has not heard of it lacks what was
 * written since, and whoever believes it may write that again, or give it up. So an entry without effect is proposed
 * first: it is committed only where nobody else led when it was proposed. Whoever asks while one is on its way waits for
 * the next, which serves all of them: others may have acknowledged the first before they elected somebody else.
 * How many wait is bounded by the bytes that producers may have in flight.
 */
export class ConfirmedRefusals {
  readonly #propose: (listener: ProposalListener) => Proposed["kind"];
  #waiting: ((standing: Standing) => void)[] = [];
  #isAsking = false;

  /** `propose` proposes the entry without effect. */
  constructor(propose: (listener: ProposalListener) => Proposed["kind"]) {
    this.#propose = propose;
  }

  /** `answer` hears once, perhaps at once, whether this leader was one when it was asked. */
  confirm(answer: (standing: Standing) => void): void {
    this.#waiting.push(answer);
    if (!this.#isAsking) this.#ask();
  }

  #ask(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isAsking = true;
    const tell = (standing: Standing): void => {
      this.#isAsking = false;
      for (const answer of waiting) answer(standing);
      if (this.#waiting.length > 0 && !this.#isAsking) this.#ask();
    };
    const kind = this.#propose({
      committed: () => tell("leads"),
      failed: () => tell("deposed"),
    });
    if (kind !== "appended") tell(kind === "busy" ? "busy" : "deposed");
  }
}
