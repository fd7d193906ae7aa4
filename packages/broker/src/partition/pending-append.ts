import { RopewalkError } from "@ropewalk/protocol";
import type { Acknowledgement, AppendCallback } from "../ports.ts";
import type { ProposalListener } from "../raft/state-machine.ts";

/** One batch on its way through Raft, and who is told what came of it. */
export class PendingAppend implements ProposalListener {
  readonly #name: string;
  readonly #acks: Acknowledgement;
  readonly #recordCount: number;
  readonly #done: AppendCallback;
  readonly #settled: () => void;
  #baseOffset = 0;
  #answered = false;

  constructor(
    name: string,
    acks: Acknowledgement,
    recordCount: number,
    done: AppendCallback,
    settled: () => void,
  ) {
    this.#name = name;
    this.#acks = acks;
    this.#recordCount = recordCount;
    this.#done = done;
    this.#settled = settled;
  }

  appendedAt(baseOffset: number): void {
    this.#baseOffset = baseOffset;
  }

  persisted(): void {
    if (this.#acks === "leader") this.#succeed();
  }

  committed(): void {
    this.#settled();
    this.#succeed();
  }

  failed(reason: "lost" | "unknown"): void {
    this.#settled();
    if (this.#answered) return;
    this.#answered = true;
    this.#done(
      reason === "lost"
        ? new RopewalkError(
            "NOT_LEADER",
            `Cannot append to ${this.#name}: another leader took over`,
          )
        : unknownOutcome(this.#name),
    );
  }

  #succeed(): void {
    if (this.#answered) return;
    this.#answered = true;
    const baseOffset = this.#baseOffset;
    this.#done({ baseOffset, nextOffset: baseOffset + this.#recordCount, duplicate: false });
  }
}

/** The answer for a batch that may be in the log, or be one day. */
export function unknownOutcome(name: string): RopewalkError {
  return new RopewalkError(
    "UNKNOWN_OUTCOME",
    `Cannot say whether the batch is in ${name}: this broker stopped leading it while the batch was on its way`,
  );
}
