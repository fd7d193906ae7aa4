import type { Proposed } from "../raft/raft-group.ts";
import type { ProposalListener } from "../raft/state-machine.ts";

/** Whether a leader still was one when it was asked; "busy": it can find that out later only. */
export type Standing = "leads" | "deposed" | "busy";

/**
 * For what a leader refuses because of what its log lacks. One that was deposed and has not heard of it lacks what was
 * written since, and whoever believes it may write that again, or give it up. So an entry without effect is proposed
 * first: it is committed only where nobody else led up to then. One entry serves all that wait for it.
 */
export class ConfirmedRefusals {
  readonly #propose: (listener: ProposalListener) => Proposed["kind"];
  #waiting: ((standing: Standing) => void)[] = [];

  /** `propose` proposes the entry without effect. */
  constructor(propose: (listener: ProposalListener) => Proposed["kind"]) {
    this.#propose = propose;
  }

  /** `answer` hears once, perhaps at once, whether this leader was one when it was asked. */
  confirm(answer: (standing: Standing) => void): void {
    this.#waiting.push(answer);
    if (this.#waiting.length > 1) return;
    const kind = this.#propose({
      committed: () => this.#tell("leads"),
      failed: () => this.#tell("deposed"),
    });
    if (kind !== "appended") this.#tell(kind === "busy" ? "busy" : "deposed");
  }

  #tell(standing: Standing): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const answer of waiting) answer(standing);
  }
}
