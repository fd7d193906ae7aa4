import { moveService } from "@ropewalk/protocol/internal";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { ControllerClient } from "../controller/controller-client.ts";
import { wantedOf } from "../controller/partition-assignment.ts";
import { type MemberStep, nextMemberStep } from "../raft/member-step.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { Replica } from "../replicas/replica-factory.ts";

/** What moving members needs. */
export interface MemberMoverOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly controller: ControllerClient;
  readonly replica: (groupId: number) => Replica | undefined;
  readonly isAlive: (brokerId: number) => boolean;
}

/** How often a group that moves is looked at while nothing is heard of it. */
const pollMs = 50;

interface Proposed {
  readonly term: number;
  readonly index: number;
}

/**
 * Gives the groups that this broker leads the members that the metadata wants, step by step, and tells the
 * controller when they have them. It keeps nothing that a later leader would need: whoever leads goes on.
 */
export class MemberMover {
  readonly #options: MemberMoverOptions;
  readonly #due = new Set<number>();
  readonly #proposed = new WeakMap<RaftGroup, Proposed>();
  readonly #finishing = new Set<number>();
  #timer: Timer | undefined;
  #isPassDue = false;
  #isStopped = false;

  constructor(options: MemberMoverOptions) {
    this.#options = options;
  }

  /** The members of a group, or what they are to be, may have changed, or who leads it. */
  mayChange(groupId: number): void {
    this.#due.add(groupId);
    if (this.#isPassDue || this.#isStopped) return;
    this.#isPassDue = true;
    // Not while the entry is being applied that says so.
    this.#options.clock.defer(() => {
      this.#isPassDue = false;
      this.#pass();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #pass(): void {
    if (this.#isStopped) return;
    const due = [...this.#due];
    this.#due.clear();
    for (const groupId of due) {
      const replica = this.#options.replica(groupId);
      if (replica !== undefined && this.#visit(replica)) this.#due.add(groupId);
    }
    if (this.#due.size === 0) return;
    this.#timer ??= this.#options.clock.setTimer(pollMs, () => {
      this.#timer = undefined;
      this.#pass();
    });
  }

  /** Answers whether there is more to do. */
  #visit(replica: Replica): boolean {
    const { group, image } = replica;
    if (group.leadership.kind !== "leading") return false;
    // Nothing ever moved: most groups.
    if (image.assignmentId === 0 && group.assignmentId === 0) return false;
    if (group.isHandingOver || this.#isUnderWay(group)) return true;
    const step = this.#stepOf(replica);
    if (step.kind === "none") return false;
    this.#take(replica, step);
    return true;
  }

  #stepOf({ group, image }: Replica): MemberStep {
    const { brokerId, isAlive } = this.#options;
    return nextMemberStep({
      brokerId,
      members: group.members,
      wantedIds: wantedOf(image),
      assignmentId: image.assignmentId,
      isMoving: image.move?.state === "moving",
      progress: group.memberProgress(),
      isAlive,
    });
  }

  #take(replica: Replica, step: MemberStep): void {
    const { group } = replica;
    if (step.kind === "change") {
      const index = group.proposeMembers(step.change);
      if (index !== undefined) this.#proposed.set(group, { term: group.term, index });
    } else if (step.kind === "handOver") {
      group.handOverTo(step.to);
    } else if (step.kind === "finished") {
      void this.#finish(replica);
    }
  }

  /** A change that was proposed is not applied yet: another one would be refused. */
  #isUnderWay(group: RaftGroup): boolean {
    const proposed = this.#proposed.get(group);
    return proposed?.term === group.term && proposed.index > group.appliedIndex;
  }

  async #finish({ image, topic }: Replica): Promise<void> {
    const { controller, logger } = this.#options;
    const { assignmentId, groupId, partition } = image;
    if (this.#finishing.has(groupId)) return;
    this.#finishing.add(groupId);
    const where = { topic: topic.name, partition };
    try {
      const request = { ...where, groupId, assignmentId };
      await controller.call(moveService.finishMove, request);
      logger.info("the replicas of a partition have moved", { ...where, to: wantedOf(image) });
    } catch (error) {
      // It is told again as long as the metadata says that the partition moves.
      if (!this.#isStopped) logger.debug("a finished move could not be told yet", { error });
    } finally {
      this.#finishing.delete(groupId);
    }
  }
}
