import type { Entry } from "./entry.ts";
import { entriesBytes, NO_DATA, payloadBytes } from "./entry.ts";
import { confChangesApplied } from "./membership.ts";
import { propose, releaseUncommitted } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import type { Snapshot } from "./snapshot.ts";

/** The owner has applied `entries`. */
export function entriesApplied(raft: Raft, entries: readonly Entry[]): void {
  const last = entries.at(-1);
  if (last === undefined) return;
  confChangesApplied(raft, last.index);
  appliedTo(raft, last.index, entriesBytes(entries));
  releaseUncommitted(raft, payloadBytes(entries));
}

/** The owner has stored `snapshot` and made it its state. */
export function snapshotApplied(raft: Raft, snapshot: Snapshot): void {
  raft.log.unstable.stableSnapshotTo(snapshot.index);
  appliedTo(raft, snapshot.index, 0);
}

function appliedTo(raft: Raft, index: number, bytes: number): void {
  const applied = Math.max(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  if (raft.role !== "leader" || !raft.tracker.config.autoLeave) return;
  // Whoever leads when the joint configuration is applied leaves it, also when another leader entered it.
  if (applied >= raft.pendingConfIndex) leaveJointByItself(raft);
}

function leaveJointByItself(raft: Raft): void {
  const config = raft.tracker.config;
  const entry: Entry = { index: 0, term: 0, type: "confChangeV2", data: NO_DATA };
  const outcome = propose(raft, raft.id, [entry]);
  // When it is refused it is tried again with the next entries that are applied.
  if (outcome.kind === "dropped") {
    raft.onEvent?.({ kind: "autoLeaveRefused", reason: outcome.reason });
  } else {
    raft.onEvent?.({ kind: "autoLeaveStarted", config });
  }
}
