import { ElectionAdmission } from "./election-admission.ts";

/** Of the elections that may begin in a tick, a share so small may be doubtful. */
const doubtfulShare = 8;

/** What is known of the process of a leader that was not heard in time; `unknown`: nor who leads. */
export type DoubtedLeader = "heard" | "unknown";

/**
 * Who waits for an election: in one line those whose leader is gone, or who were told to ask; in others, slower ones, the
 * doubtful, who heard no leader in time. Where the leader's process is heard it probably leads, and is too busy to say
 * so. Where it is not known who leads somebody probably does, as long as everybody is alive; as soon as somebody is not,
 * such doubts are worth as much as anybody's.
 */
export class ElectionLines<Candidate> {
  readonly #wanted: ElectionAdmission<Candidate>;
  readonly #doubtful: Readonly<Record<DoubtedLeader, ElectionAdmission<Candidate>>>;
  readonly #perTickMax: number;
  #isUnknownFirst = false;

  constructor(perTickMax: number, delayTicksMax: number) {
    this.#perTickMax = perTickMax;
    this.#wanted = new ElectionAdmission(delayTicksMax);
    this.#doubtful = { heard: new ElectionAdmission(0), unknown: new ElectionAdmission(0) };
  }

  /** See `ElectionAdmission.request`. */
  request(candidate: Candidate, delayTicks: number): void {
    this.#wanted.request(candidate, delayTicks);
  }

  /** The same for one who probably needs no election. */
  doubt(candidate: Candidate, leader: DoubtedLeader): void {
    this.#doubtful[leader].request(candidate, 0);
  }

  /** Lets elections begin; see `ElectionAdmission.tick`. */
  tick(isEverybodyAlive: boolean, start: (candidate: Candidate) => boolean): void {
    const begun = this.#wanted.tick(this.#perTickMax, start);
    const fewMax = Math.ceil(this.#perTickMax / doubtfulShare);
    if (isEverybodyAlive) {
      this.#share(fewMax, start);
      return;
    }
    const { heard, unknown } = this.#doubtful;
    const needless = heard.tick(fewMax, start);
    unknown.tick(Math.max(0, this.#perTickMax - begun - needless), start);
  }

  /** The doubtful are first by turns: who begins in vain comes back, so that neither line ever has to run dry. */
  #share(countMax: number, start: (candidate: Candidate) => boolean): void {
    const { heard, unknown } = this.#doubtful;
    this.#isUnknownFirst = !this.#isUnknownFirst;
    const [first, second] = this.#isUnknownFirst ? [unknown, heard] : [heard, unknown];
    second.tick(countMax - first.tick(countMax, start), start);
  }
}
