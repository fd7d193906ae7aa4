import { peerService } from "@ropewalk/protocol/internal";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { LeaderTable } from "./leader-table.ts";
import type { Leadership } from "../raft/state-machine.ts";
import type { RemoteCaller } from "../remote-caller.ts";

/** A group that this broker leads. */
export interface LedGroup {
  readonly groupId: number;
  readonly term: number;
}

/** The part of a group that reporting needs. */
export interface ReportedGroup {
  readonly key: { readonly groupId: number };
  readonly leadership: Leadership;
}

/** What reporting needs. */
export interface LeaderReporterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: Pick<RemoteCaller, "call">;
  readonly table: LeaderTable;
  readonly connectedPeers: () => readonly number[];
  /** Groups with a replica on this broker. */
  readonly groups: () => Iterable<ReportedGroup>;
}

/** A change is told after so long, together with others. */
const settleMs = 10;
/** How often this broker looks who is to be told everything. */
const lookMs = 1000;
/** Everybody is told everything again after so many looks, whatever they have heard. */
const looksPerRepeat = 10;
const groupsPerReportMax = 4096;

/**
 * Tells the other brokers which groups this one leads, so that they can send clients here: changes at once, and
 * everything to whom something was lost on the way to. With many groups that is too much to be repeated all the time.
 */
export class LeaderReporter {
  readonly #options: LeaderReporterOptions;
  readonly #changed: LedGroup[] = [];
  /** Peers that nothing was lost on the way to since they were told everything. */
  readonly #told = new Set<number>();
  #lookCount = 0;
  #settleTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #stopped = false;

  constructor(options: LeaderReporterOptions) {
    this.#options = options;
    this.#scheduleLook();
  }

  /** This broker leads the group since a moment ago. */
  leads(group: LedGroup): void {
    this.#changed.push(group);
    this.#settleTimer ??= this.#options.clock.setTimer(settleMs, () => {
      this.#settleTimer = undefined;
      const changed = this.#changed.splice(0);
      for (const peer of this.#options.connectedPeers()) this.#report(peer, changed);
    });
  }

  /** Takes in the report of another broker. */
  received(from: number, groups: readonly LedGroup[]): void {
    for (const { groupId, term } of groups) this.#options.table.leads(groupId, from, term);
  }

  /** What was sent to a broker may not have arrived, or its process may be another one now. */
  unreachable(peer: number): void {
    this.#told.delete(peer);
  }

  stop(): void {
    this.#stopped = true;
    this.#settleTimer?.cancel();
    this.#lookTimer?.cancel();
  }

  #scheduleLook(): void {
    if (this.#stopped) return;
    this.#lookTimer = this.#options.clock.setTimer(lookMs, () => {
      this.#look();
      this.#scheduleLook();
    });
  }

  #look(): void {
    this.#lookCount += 1;
    if (this.#lookCount % looksPerRepeat === 0) this.#told.clear();
    const untold = this.#options.connectedPeers().filter((peer) => !this.#told.has(peer));
    if (untold.length === 0) return;
    const led = this.#led();
    for (const peer of untold) {
      this.#told.add(peer);
      this.#report(peer, led);
    }
  }

  #led(): LedGroup[] {
    const led: LedGroup[] = [];
    for (const { key, leadership } of this.#options.groups()) {
      if (leadership.kind !== "leading") continue;
      led.push({ groupId: key.groupId, term: leadership.term });
    }
    return led;
  }

  #report(peer: number, groups: readonly LedGroup[]): void {
    if (this.#stopped) return;
    for (let start = 0; start < groups.length; start += groupsPerReportMax) {
      this.#tell(peer, groups.slice(start, start + groupsPerReportMax));
    }
  }

  #tell(peer: number, groups: readonly LedGroup[]): void {
    this.#options.caller
      .call(peerService.reportLeaders, peer, { groups })
      .catch((error: unknown) => {
        this.unreachable(peer); // It is told everything with the next look.
        this.#options.logger.debug("a peer could not be told who leads", { peer, error });
      });
  }
}
