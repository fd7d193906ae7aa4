/** A rare branch that runs are to take: the place in the product's sources where it is taken. */
export interface CoverageMark {
  readonly name: string;
  /** Below `packages/`. */
  readonly file: string;
  /** Text that ends in the branch; it is in the file once. */
  readonly at: string;
}

function mark(file: string, name: string, at: string): CoverageMark {
  return { name, file, at };
}

/**
 * What must have happened for a run's "nothing is wrong" to mean something. Not among them, though rare: what nothing that is
 * right leads to (the node puts a snapshot in the place of its log, which the broker does before; a record of a group behind
 * its tombstone), and what tests of their own take: a snapshot of what the log has and does not know as committed, for which
 * an answer would have to be lost in the moment at which the log is cut (`snapshot-pitfalls.test.ts`), and entries that
 * cannot be read for now, for simulated disks always read (`group-storage.failure.test.ts`).
 */
export const coverageMarks: readonly CoverageMark[] = [
  mark(
    "raft-ts/src/step.ts",
    "vote refused by the leader's lease",
    "ignoreVoteRequest(raft, message);",
  ),
  mark(
    "raft-ts/src/step.ts",
    "write of an earlier term answered late",
    "handleOutdatedStorageAppend(raft, message);",
  ),
  mark(
    "raft-ts/src/append-handler.ts",
    "append below the commit index",
    "response.index = log.committed;",
  ),
  mark(
    "raft-ts/src/append-handler.ts",
    "append refused: logs differ",
    "response.rejectHint = hint.index;",
  ),
  // Behind an optional call V8 counts nothing: what follows it is the place.
  mark(
    "raft-ts/src/leader.ts",
    "leader heard no majority and stepped down",
    "becomeFollower(raft, raft.term, 0);",
  ),
  mark(
    "raft-ts/src/transfer.ts",
    "leadership handed over behind a catch-up",
    "sendTimeoutNow(raft, from);",
  ),
  mark("raft-ts/src/transfer.ts", "hand-over given up", "raft.transferTarget = 0;"),
  mark(
    "raft-ts/src/multi/multi-raft.ts",
    "message of or for a replica's predecessor refused",
    'if (!group.accepts(message.from, route)) return "otherIncarnation";',
  ),
  mark("raft-ts/src/multi/multi-raft.ts", "group sent to sleep", 'group.wakefulness = "asleep";'),
  mark("raft-ts/src/multi/multi-raft.ts", "sleeping group woken", 'group.wakefulness = "awake";'),
  mark(
    "log/src/journal/journal-examination.ts",
    "torn end of the journal found",
    "if (this.#mayBeTorn(start)) this.#tail = start;",
  ),
  mark(
    "log/src/journal/recovery.ts",
    "what no floor covers written once more",
    "await file.write(at, [piece]);",
  ),
  mark(
    "log/src/journal/replay.ts",
    "damaged record quarantined its group",
    "takeHardState(state, header);\n      return fault;",
  ),
  mark("log/src/journal/replay.ts", "records of nobody knows whom lost", "this.#damage ??= where;"),
  mark(
    "log/src/journal/journal.ts",
    "journal waited for room on the disk",
    "The journal waits for room on the disk.",
  ),
  mark(
    "log/src/journal/journal.ts",
    "journal failed for good",
    "The journal failed; nothing is appended to it any more.",
  ),
  mark(
    "log/src/destage/destager.ts",
    "entries moved to segments",
    "Entries were moved from the journal to segments.",
  ),
  mark(
    "broker/src/partition/partition-replica.ts",
    "duplicate answered from the table",
    "this.#answerDuplicate(verdict.baseOffset",
  ),
  mark(
    "broker/src/partition/partition-replica.ts",
    "sequence out of order refused",
    "sent sequence ${batch.baseSequence}",
  ),
  mark(
    "broker/src/partition/partition-replica.ts",
    "append refused: too much is uncommitted",
    '} else if (proposed.kind === "busy") {\n      done(busyError(this.name, "append to"));',
  ),
  mark(
    "broker/src/snapshot/snapshot-installer.ts",
    "snapshot took the place of a log",
    "this.counters.installed += 1;",
  ),
  mark(
    "broker/src/snapshot/replica-repairer.ts",
    "damaged replica repaired",
    "this.counters.repaired += 1;",
  ),
  mark(
    "broker/src/snapshot/controller-repair.ts",
    "the metadata's own log repaired",
    "logger.error(\"the log of the cluster's metadata is damaged",
  ),
  mark(
    "broker/src/replicas/replica-set.ts",
    "replica found damaged while it ran",
    "const absent = this.takeOut(group);",
  ),
  mark(
    "broker/src/raft/member-step.ts",
    "leader with older metadata waited",
    'return { kind: "wait", for: "metadata" };',
  ),
  mark(
    "broker/src/raft/member-step.ts",
    "learners made voters, in a joint step",
    'transition: "jointExplicit"',
  ),
  mark(
    "broker/src/raft/member-step.ts",
    "old leader handed over before it left",
    '{ kind: "handOver", to };',
  ),
  mark(
    "broker/src/raft/early-messages.ts",
    "message for a group that is not there yet",
    "this.#current.set(groupId, [{ from, group, message }]);",
  ),
  mark(
    "broker/src/raft/state-image.ts",
    "state taken from an image",
    "await restoreImage(log, group, store)",
  ),
  mark(
    "broker/src/fitness/fitness-watch.ts",
    "grey failure: leadership given up",
    "logger.warn(notices[fitness], figures);",
  ),
  mark(
    "broker/src/group/group-coordinator.ts",
    "silent group member put out",
    "if (nowMs - session.lastHeardMs > sessionTimeoutMs) await this.#remove(groupId, memberId);",
  ),
  mark(
    "broker/src/group/group-coordinator.ts",
    "forgotten member told so",
    "Cannot stay in group ${groupId}: ${memberId} is not in it`",
  ),
  mark(
    "broker/src/controller/broker-life-keeper.ts",
    "emptied broker removed",
    "a decommissioned broker is removed",
  ),
  mark(
    "broker/src/controller/controller-membership.ts",
    "broker made a learner without a past",
    "group().forgetProgress(brokerId);",
  ),
  mark("broker/src/remote-caller.ts", "stranger refused", "ask another broker`;"),
  mark(
    "broker/src/replicas/replica-removal.ts",
    "rest of a replica removed at a start",
    "removing the rest of a replica",
  ),
  mark(
    "broker/src/broker-storage.ts",
    "start of a directory that a cluster took in",
    "log.historyLost(lostDisk);",
  ),
  mark(
    "client/src/group-session.ts",
    "member that was put out joined again",
    "this.#handler.onLost(this.#member.fenced());",
  ),
];
