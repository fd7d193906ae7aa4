import type { Clock, Timer } from "@ropewalk/runtime";

/** The part of a group that its first election needs. */
export interface FirstElectionGroup {
  /** This is the replica that is meant to lead, and nobody does. */
  readonly wantsToLead: boolean;
  /** The last term that it knows of; 0: the group is new. */
  readonly term: number;
  campaign(): void;
}

const turnMs = 20;

/** Turns in which a group asks: soon at first, since its peers may be a moment away, then ever later. */
const askingTurns: ReadonlySet<number> = new Set([0, 1, 2, 4, 8, 16, 32]);
/** The same while there are many groups: an election among them takes longer than a turn. */
const patientAskingTurns: ReadonlySet<number> = new Set([0, 8, 16, 32]);
/**
 * The same for groups that have had a leader: mostly the others have one now, who says so within two heartbeats of hearing
 * this broker. To ask before that is in vain, and wakes the group everywhere.
 */
const returningAskingTurns: ReadonlySet<number> = new Set([16, 32]);
const eagerGroupsMax = 16;
const turnsMax = 33;

/**
 * Lets the replica that is meant to lead a group ask for an election as soon as the group is there,
 * instead of waiting for an election timeout: a new topic or a new cluster has its leaders at once. It
 * gives up after a while; then the timeout decides as always.
 */
export class FirstElections<Group extends FirstElectionGroup> {
  readonly #clock: Clock;
  /** Groups that have not found a leader yet, and the turn each is in. */
  readonly #turns = new Map<Group, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(group: Group): void {
    if (!group.wantsToLead) return;
    this.#turns.set(group, 0);
    this.#takeTurn(group, 0);
    this.#schedule();
  }

  remove(group: Group): void {
    this.#turns.delete(group);
  }

  stop(): void {
    this.#turns.clear();
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer ??= this.#clock.setTimer(turnMs, () => {
      this.#timer = undefined;
      for (const [group, turn] of this.#turns) this.#takeTurn(group, turn);
      if (this.#turns.size > 0) this.#schedule();
    });
  }

  #takeTurn(group: Group, turn: number): void {
    if (!group.wantsToLead || turn >= turnsMax) {
      this.#turns.delete(group);
      return;
    }
    this.#turns.set(group, turn + 1);
    if (this.#askingTurns(group).has(turn)) group.campaign();
  }

  #askingTurns({ term }: Group): ReadonlySet<number> {
    if (this.#turns.size <= eagerGroupsMax) return askingTurns;
    return term === 0 ? patientAskingTurns : returningAskingTurns;
  }
}
