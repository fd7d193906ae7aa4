import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import { isNearEnd } from "../raft/member-step.ts";
import type { Replica } from "../replicas/replica-factory.ts";

/** What balancing needs. */
export interface LeaderBalancerOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly replicas: () => Iterable<Replica>;
  /** Whether a broker was heard of lately, and nothing speaks against its leading. */
  readonly mayLead: (brokerId: number) => boolean;
  /** How often it is looked; 0: never. */
  readonly intervalMs: number;
}

/** A partition that is led here, and the broker that is meant to lead it. */
interface ReturnableLead {
  readonly replica: Replica;
  readonly to: number;
}

/** Leads that are given back at one look: each makes its partition wait for a moment. */
const returnsMax = 32;
/** After so many looks a broker is tried again that did not take what it was given. */
const looksUntilRetry = 10;

/**
 * What this broker leads, and another one is meant to (Kafka's preferred leader): only where that one may lead and has
 * nearly everything, and nothing moves.
 */
function returnableLeads(
  brokerId: number,
  replicas: Iterable<Replica>,
  mayLead: (brokerId: number) => boolean,
): ReturnableLead[] {
  const leads: ReturnableLead[] = [];
  for (const replica of replicas) {
    const { group, image } = replica;
    const [to = 0] = image.replicaIds;
    if (to === brokerId || image.move !== undefined || !mayLead(to)) continue;
    if (group.leadership.kind !== "leading" || group.isHandingOver) continue;
    if (isNearEnd(group.memberProgress(), to)) leads.push({ replica, to });
    if (leads.length === returnsMax) break;
  }
  return leads;
}

/**
 * Gives leadership back to the brokers that are meant to lead (Kafka's `auto.leader.rebalance.enable`), a little at
 * a time. A broker that does not take it is left alone for a while: it knows of something that speaks against it.
 */
export class LeaderBalancer {
  readonly #options: LeaderBalancerOptions;
  /** Brokers that were given something at the last look, with the groups. */
  #given = new Map<number, Replica[]>();
  readonly #looksToPass = new Map<number, number>();
  #timer: Timer | undefined;

  constructor(options: LeaderBalancerOptions) {
    this.#options = options;
    if (options.intervalMs > 0) this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.setTimer(intervalMs, () => {
      this.#look();
      this.#schedule();
    });
  }

  #look(): void {
    const { brokerId, logger, mayLead, replicas } = this.#options;
    this.#noteRefusals();
    const isAsked = (id: number): boolean => mayLead(id) && !this.#looksToPass.has(id);
    const leads = returnableLeads(brokerId, replicas(), isAsked);
    for (const { replica, to } of leads) {
      replica.group.handOverTo(to);
      this.#given.set(to, [...(this.#given.get(to) ?? []), replica]);
    }
    if (leads.length > 0)
      logger.info("leadership goes back to preferred leaders", { leads: leads.length });
  }

  #noteRefusals(): void {
    for (const [id, looks] of this.#looksToPass) {
      if (looks > 1) this.#looksToPass.set(id, looks - 1);
      else this.#looksToPass.delete(id);
    }
    for (const [id, given] of this.#given) {
      const isRefused = given.every(({ group }) => group.leadership.kind === "leading");
      if (isRefused) this.#looksToPass.set(id, looksUntilRetry);
    }
    this.#given = new Map();
  }
}
