import { ElectionAdmission } from "./election-admission.ts";

/** Of the elections that may begin in a tick, a share so small may be doubtful. */
const doubtfulShare = 8;

/**
 * Who waits for an election: in one line those whose leader is gone, or who were told to ask; in another, slower one, the
 * doubtful, who heard no leader in time, though everybody in their groups is alive: somebody probably leads, and is too
 * busy to say so. As soon as somebody is not alive nobody's doubts are worth more than another's.
 */
export class ElectionLines<Candidate> {
  readonly #wanted: ElectionAdmission<Candidate>;
  readonly #doubtful: ElectionAdmission<Candidate>;
  readonly #perTickMax: number;

  constructor(perTickMax: number, delayTicksMax: number) {
    this.#perTickMax = perTickMax;
    this.#wanted = new ElectionAdmission(delayTicksMax);
    this.#doubtful = new ElectionAdmission(0);
  }

  /** See `ElectionAdmission.request`. */
  request(candidate: Candidate, delayTicks: number): void {
    this.#wanted.request(candidate, delayTicks);
  }

  /** The same for one who probably needs no election. */
  doubt(candidate: Candidate): void {
    this.#doubtful.request(candidate, 0);
  }

  /** Lets elections begin; see `ElectionAdmission.tick`. */
  tick(isEverybodyAlive: boolean, start: (candidate: Candidate) => boolean): void {
    const begun = this.#wanted.tick(this.#perTickMax, start);
    const fewMax = Math.ceil(this.#perTickMax / doubtfulShare);
    this.#doubtful.tick(isEverybodyAlive ? fewMax : this.#perTickMax - begun, start);
  }
}
