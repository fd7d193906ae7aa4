import { RopewalkError } from "@ropewalk/protocol";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import { commandLevels } from "./command-level.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { encodeMetadataCommand } from "./metadata-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { ApplyOutcome, MetadataImage } from "./metadata-image.ts";

/** What proposing needs. */
export interface MetadataProposerOptions {
  /** The controller's group; another one after a cluster has taken this broker in. */
  readonly group: () => RaftGroup;
  readonly machine: ControllerMachine;
  readonly proposer: CommandProposer;
}

/** Puts commands into the controller's log, where this broker is the controller. */
export class MetadataProposer {
  readonly #options: MetadataProposerOptions;

  constructor(options: MetadataProposerOptions) {
    this.#options = options;
  }

  get image(): MetadataImage {
    return this.#options.machine.image;
  }

  /** Throws NOT_LEADER where this is not the controller: only a leader's image is new enough to say no by. */
  expectLeading(action: string): void {
    const { leadership, leaderId } = this.#options.group();
    if (leadership.kind === "leading") return;
    const hint = leaderId === 0 ? {} : { leaderId };
    throw new RopewalkError(
      "NOT_LEADER",
      `Cannot ${action} here: this broker is not the controller`,
      hint,
    );
  }

  /**
   * Resolves with what came of the command when it was applied; rejects as `CommandProposer` does, and with
   * POLICY_VIOLATION where there may be brokers that do not know the command.
   */
  propose(action: string, command: MetadataCommand): Promise<ApplyOutcome> {
    const { group, machine, proposer } = this.#options;
    const fault = commandLevelFault(command, this.image.featureLevel);
    if (fault !== undefined) {
      return Promise.reject(new RopewalkError("POLICY_VIOLATION", `Cannot ${action}: ${fault}`));
    }
    return proposer.propose(
      group(),
      action,
      encodeMetadataCommand(command),
      () => machine.lastOutcome,
    );
  }
}

function commandLevelFault(command: MetadataCommand, level: number): string | undefined {
  const wanted = commandLevels[command.kind];
  if (wanted <= level) return undefined;
  return `that is possible from feature level ${wanted} on, and the cluster is at ${level}; upgrade every broker first, then run ropewalk cluster upgrade`;
}
