import { crc32 } from "node:zlib";
import type { StateImage } from "@ropewalk/broker";
import type { Anomaly } from "./anomaly.ts";
import type { ReplicaDisk } from "./replica-disk.ts";

/** An entry that some replica applied. */
export interface AppliedEntry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

interface Committed {
  readonly term: number;
  readonly checksum: number;
  /** The term of the replica that was the first to apply it: that of the leader which committed it, or later. */
  readonly appliedTerm: number;
  readonly brokerId: number;
}

interface Image {
  readonly checksum: number;
  readonly brokerId: number;
}

/** All that the replicas of one Raft group ever agreed on. */
export class RaftHistory {
  readonly disks: Map<number, ReplicaDisk> = new Map();
  readonly #name: string;
  readonly #report: (anomaly: Anomaly) => void;
  readonly #leaders = new Map<number, number>();
  readonly #committed = new Map<number, Committed>();
  readonly #images = new Map<number, Image>();
  #lastIndex = 0;
  /** The newest assignment that members were changed for, and the entry that did. */
  #assignmentId = 0;
  #changedAt = 0;

  constructor(name: string, report: (anomaly: Anomaly) => void) {
    this.#name = name;
    this.#report = report;
  }

  /** Election safety (Raft §5.2): at most one leader in a term. Leader completeness (§5.4): it has all that was committed. */
  elected(brokerId: number, term: number, termAt: (index: number) => number): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== brokerId) {
      this.tell("two leaders", `brokers ${other} and ${brokerId} lead in term ${term}`);
    }
    this.#leaders.set(term, brokerId);
    // A leader whose votes were on their way for long may come behind that of a later term, which may know more.
    let index = this.#lastIndex;
    while (index > 0 && (this.#committed.get(index)?.appliedTerm ?? 0) >= term) index--;
    const committed = this.#committed.get(index);
    if (committed === undefined || termAt(index) === committed.term) return;
    const detail = `broker ${brokerId} leads in term ${term} and lacks entry ${index} of term ${committed.term}, which broker ${committed.brokerId} applied`;
    this.tell("incomplete leader", detail);
  }

  /** State machine safety (Raft §5.4.3): nobody applies another entry at an index. */
  applied(brokerId: number, atTerm: number, { data, index, term }: AppliedEntry): void {
    const checksum = crc32(data);
    const known = this.#committed.get(index);
    if (known === undefined) {
      this.#committed.set(index, { term, checksum, appliedTerm: atTerm, brokerId });
      this.#lastIndex = Math.max(this.#lastIndex, index);
    } else if (known.term !== term || known.checksum !== checksum) {
      const detail = `broker ${brokerId} applied entry ${index} of term ${term}, and broker ${known.brokerId} another one of term ${known.term}`;
      this.tell("changed entry", detail);
    }
  }

  /** Members change for newer assignments only: a leader that has not heard of the newest one changes nothing. */
  membersChanged(brokerId: number, index: number, assignmentId: number): void {
    if (index <= this.#changedAt) return;
    this.#changedAt = index;
    if (assignmentId < this.#assignmentId) {
      const detail = `broker ${brokerId} applied entry ${index}, which changes members for assignment ${assignmentId} after ${this.#assignmentId}`;
      this.tell("older assignment", detail);
    }
    this.#assignmentId = Math.max(this.#assignmentId, assignmentId);
  }

  /** State machines are functions of the log: whoever applied as much has the same state. */
  reached(brokerId: number, index: number, image: StateImage): void {
    const checksum = checksumOf(image);
    const known = this.#images.get(index);
    if (known === undefined) {
      this.#images.set(index, { checksum, brokerId });
    } else if (known.checksum !== checksum) {
      const detail = `brokers ${known.brokerId} and ${brokerId} do not have the same state as of entry ${index}`;
      this.tell("states differ", detail);
    }
  }

  /** Whether a majority of these voters has the entry on disk; of a disk that was lost nothing is known. */
  isDurable(voters: readonly number[], index: number, term: number): boolean {
    const having = voters.filter((id) => this.disks.get(id)?.has(index, term) !== false);
    return 2 * having.length > voters.length || voters.length === 0;
  }

  /** Whether a majority of these voters has its vote on disk. */
  isElected(voters: readonly number[], term: number, brokerId: number): boolean {
    const having = voters.filter((id) => this.disks.get(id)?.hasVoted(term, brokerId) !== false);
    return 2 * having.length > voters.length || voters.length === 0;
  }

  tell(kind: Anomaly["kind"], detail: string): void {
    this.#report({ kind, detail: `group ${this.#name}: ${detail}` });
  }
}

/**
 * Of everything but the members: those that are kept beside the log may be ahead of it. The order is none, for a
 * machine that was restored has another one.
 */
function checksumOf({ pairs }: StateImage): number {
  let sum = 0;
  for (const [key, value] of pairs) {
    if (!key.startsWith("members/")) sum = (sum + crc32(value, crc32(key))) >>> 0;
  }
  return sum;
}
