import { peerService } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { LeaderTable } from "./leader-table.ts";
import type { RaftGroup } from "./raft/raft-group.ts";
import type { RemoteCaller } from "./remote-caller.ts";

/** A group that this broker leads. */
export interface LedGroup {
  readonly groupId: number;
  readonly term: number;
}

/** What reporting needs. */
export interface LeaderReporterOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly caller: RemoteCaller;
  readonly table: LeaderTable;
  readonly connectedPeers: () => readonly number[];
  /** Those that this broker is a member of. */
  readonly groups: () => Iterable<Pick<RaftGroup, "key" | "leadership" | "term">>;
}

/** A change is told after so long, together with others. */
const settleMs = 10;
/** Everything is told again at this interval; the other brokers also see from it that this one lives. */
const repeatMs = 1000;
const groupsPerReportMax = 4096;

/** Tells the other brokers which groups this one leads, so that they can send clients here. */
export class LeaderReporter {
  readonly #options: LeaderReporterOptions;
  readonly #changed: LedGroup[] = [];
  #settleTimer: Timer | undefined;
  #repeatTimer: Timer | undefined;
  #stopped = false;

  constructor(options: LeaderReporterOptions) {
    this.#options = options;
    this.#scheduleRepeat();
  }

  /** This broker leads the group since a moment ago. */
  leads(group: LedGroup): void {
    this.#changed.push(group);
    this.#settleTimer ??= this.#options.clock.setTimer(settleMs, () => {
      this.#settleTimer = undefined;
      this.#report(this.#changed.splice(0));
    });
  }

  /** Takes in the report of another broker. */
  received(from: number, groups: readonly LedGroup[]): void {
    for (const { groupId, term } of groups) this.#options.table.leads(groupId, from, term);
  }

  #led(): LedGroup[] {
    const led: LedGroup[] = [];
    for (const { key, leadership, term } of this.#options.groups()) {
      if (leadership.kind === "leading") led.push({ groupId: key.groupId, term });
    }
    return led;
  }

  stop(): void {
    this.#stopped = true;
    this.#settleTimer?.cancel();
    this.#repeatTimer?.cancel();
  }

  #scheduleRepeat(): void {
    if (this.#stopped) return;
    this.#repeatTimer = this.#options.clock.setTimer(repeatMs, () => {
      this.#report(this.#led());
      this.#scheduleRepeat();
    });
  }

  #report(groups: readonly LedGroup[]): void {
    if (this.#stopped) return;
    for (let start = 0; start === 0 || start < groups.length; start += groupsPerReportMax) {
      const part = groups.slice(start, start + groupsPerReportMax);
      for (const peer of this.#options.connectedPeers()) this.#tell(peer, part);
    }
  }

  #tell(peer: number, groups: readonly LedGroup[]): void {
    // A report that gets lost is repeated soon.
    this.#options.caller
      .call(peerService.reportLeaders, peer, { groups })
      .catch((error: unknown) => {
        this.#options.logger.debug("a peer could not be told who leads", { peer, error });
      });
  }
}
