import { RopewalkError } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import { encodeCommandBatch } from "./command-entry.ts";
import type { RaftGroup } from "./raft-group.ts";

/**
 * Puts commands into the log of a group that this broker leads. `outcome` is asked right after the
 * command was applied, in the same turn.
 */
export class CommandProposer {
  readonly #clock: Clock;
  readonly #commandBytesMax: number;

  constructor(clock: Clock, commandBytesMax: number) {
    this.#clock = clock;
    this.#commandBytesMax = commandBytesMax;
  }

  /**
   * Resolves with what `outcome` says once the command is applied. Rejects with NOT_LEADER, BUSY or
   * MESSAGE_TOO_LARGE (definitely not done) or UNKNOWN_OUTCOME.
   */
  propose<T>(group: RaftGroup, action: string, command: Uint8Array, outcome: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const batch = encodeCommandBatch(command, this.#clock.wallMs());
    if (batch.length > this.#commandBytesMax) {
      // It would not fit into a frame to the followers, and everything behind it would wait for ever.
      const size = `${batch.length} bytes, where ${this.#commandBytesMax} are possible`;
      return Promise.reject(new RopewalkError("MESSAGE_TOO_LARGE", `Cannot ${action}: ${size}`));
    }
    const proposed = group.propose(batch, 1, {
      committed: () => resolve(outcome()),
      failed: (reason) => reject(proposalError(group, action, reason)),
    });
    if (proposed.kind !== "appended") reject(proposalError(group, action, proposed.kind));
    return promise;
  }
}

function proposalError(
  group: RaftGroup,
  action: string,
  reason: "notLeading" | "busy" | "lost" | "unknown",
): RopewalkError {
  const leader = group.leaderId === 0 ? {} : { leaderId: group.leaderId };
  switch (reason) {
    case "busy":
      return new RopewalkError("BUSY", `Cannot ${action}: too much waits for a majority`);
    case "unknown":
      return new RopewalkError(
        "UNKNOWN_OUTCOME",
        `Cannot say whether it was done: ${action}: leadership changed on the way`,
        leader,
      );
    case "lost":
    case "notLeading":
      return new RopewalkError(
        "NOT_LEADER",
        `Cannot ${action} here: this broker does not lead`,
        leader,
      );
  }
}
