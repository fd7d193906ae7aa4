import { decodeSnapshotManifest } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import { peerService } from "@ropewalk/protocol/internal";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { LeaderTable } from "../leadership/leader-table.ts";
import type { RemoteCaller } from "../remote-caller.ts";
import type { Interruption } from "./interruption.ts";
import type { AbsentReplica } from "./replica-home.ts";
import type { HistoryInstaller, RemoteHistory } from "./history-installer.ts";
import type { Turns } from "../turns.ts";

/** What repairing needs. */
export interface ReplicaRepairerOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: RemoteCaller;
  readonly leaders: LeaderTable;
  readonly installer: HistoryInstaller;
  readonly interruption: Interruption;
  /** Replicas that are being repaired. */
  readonly turns: Turns;
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

/**
 * A replica that was repaired goes on in a term this far beyond that of the leader it was repaired from, and
 * beyond the last that it remembers itself.
 *
 * The damage may have made it forget votes: of the leader's term, or of later ones in which an election was
 * under way. If it took part in one of those again it could vote for somebody else, and two could lead in one
 * term. Terms grow by one with an election, so that none of those votes was as far ahead as this; in its
 * new term it has certainly not voted. The leader follows into that term as soon as it hears of it.
 */
const termsSkipped = 1000;

/** The leader may have to move much of the group's log to segments before it answers. */
const repairTimeoutMs = 60_000;
/** One of so many attempts that fail is worth a line. */
const attemptsPerWarning = 20;

/**
 * Rebuilds replicas whose logs are damaged from what their leaders have: stored bytes that are not what was
 * written are never cut off, and nothing is served or acknowledged on the strength of what is left of them.
 */
export class ReplicaRepairer {
  readonly #options: ReplicaRepairerOptions;
  readonly #running = new Set<Promise<void>>();
  readonly counters = { repaired: 0 };

  constructor(options: ReplicaRepairerOptions) {
    this.#options = options;
  }

  /**
   * Tries until the replica is whole, gone, or the broker stops. As long as the other replicas are no majority
   * nobody can say what this one had acknowledged, so it stays out.
   */
  add(absent: AbsentReplica): void {
    const { interruption, logger } = this.#options;
    const done = this.#repair(absent)
      .catch((error: unknown) => {
        if (interruption.isOver) return;
        logger.error("a damaged replica is not repaired any more", { ...absent.key, error });
      })
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  /** Waits for what is under way, which its owner has interrupted. */
  async stop(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #repair(absent: AbsentReplica): Promise<void> {
    const { clock, interruption, logger, retryMsMax, retryMsMin } = this.#options;
    for (let attempt = 0; !absent.isGone(); attempt++) {
      await this.#majority(absent);
      if (interruption.isOver || absent.isGone()) return;
      try {
        if (!(await this.#inTurn(absent, attempt))) return;
        this.counters.repaired += 1;
        logger.info("a damaged replica was repaired", { ...absent.key });
        return;
      } catch (error) {
        if (interruption.isOver || absent.isGone()) return;
        const fields = { ...absent.key, attempt, error };
        if (attempt % attemptsPerWarning === 0) logger.warn("a repair failed for now", fields);
        await interruption.pause(clock, Math.min(retryMsMin * 2 ** attempt, retryMsMax));
      }
    }
  }

  /** Resolves when the other replicas are a majority, there is none to wait for, or the broker stops. */
  async #majority(absent: AbsentReplica): Promise<void> {
    const { clock, interruption, logger, retryMsMax, retryMsMin } = this.#options;
    const isWaiting = (): boolean =>
      !interruption.isOver && !absent.isGone() && !othersAreMajority(absent.replicaIds());
    for (let attempt = 0; isWaiting(); attempt++) {
      // At first this broker mostly still reads what the metadata was long ago.
      if (attempt === 1) {
        logger.error("a damaged replica stays out: without it there is no majority to repair it", {
          groupId: absent.key.groupId,
          replicaIds: absent.replicaIds().join(", "),
        });
      }
      await interruption.pause(clock, Math.min(retryMsMin * 2 ** attempt, retryMsMax));
    }
  }

  /** Answers whether the replica is back; it is not where it is gone, or the broker stops. */
  async #inTurn(absent: AbsentReplica, attempt: number): Promise<boolean> {
    const { installer, interruption, turns } = this.#options;
    await turns.take();
    try {
      // The turn may have come long after: a leader that is asked does much for the answer.
      if (interruption.isOver || absent.isGone()) return false;
      await installer.install(absent, await interruption.guard(this.#ask(absent, attempt)));
      if (interruption.isOver) return false;
      absent.reopen();
      return true;
    } finally {
      turns.giveBack();
    }
  }

  /** Asks the leader, or others in turns where nobody knows it: they do. It may be one that is to hold no replica any more. */
  async #ask(absent: AbsentReplica, attempt: number): Promise<RemoteHistory> {
    const { brokerId, leaders } = this.#options;
    const others = absent.replicaIds().filter((id) => id !== brokerId);
    const hint = leaders.get(absent.key.groupId)?.leaderId ?? 0;
    const isHinted = attempt % 2 === 0 && hint !== 0 && hint !== brokerId;
    const asked = isHinted ? hint : others[attempt % others.length];
    try {
      return await this.#askBroker(absent, asked ?? 0);
    } catch (error) {
      const leaderId = error instanceof RopewalkError ? (error.leaderId ?? 0) : 0;
      if ([0, asked, brokerId].includes(leaderId)) throw error;
      return await this.#askBroker(absent, leaderId);
    }
  }

  async #askBroker({ key, log }: AbsentReplica, brokerId: number): Promise<RemoteHistory> {
    const { caller } = this.#options;
    const answer = await caller.call(peerService.repairReplica, brokerId, key, {
      answerSize: "large",
      timeoutMs: repairTimeoutMs,
    });
    const manifest = decodeSnapshotManifest(answer.manifest);
    const term = Math.max(log.hardState.term, answer.term) + termsSkipped;
    return { brokerId, manifest, hardState: { term, vote: 0, commit: manifest.index } };
  }
}

/** Whether a leader can commit entries without one of the replicas. */
export function othersAreMajority(replicaIds: readonly number[]): boolean {
  return replicaIds.length - 1 > replicaIds.length / 2;
}
