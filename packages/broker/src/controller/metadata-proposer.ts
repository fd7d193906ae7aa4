import { RopewalkError } from "@ropewalk/protocol";
import type { CommandProposer } from "../raft/command-proposer.ts";
import type { RaftGroup } from "../raft/raft-group.ts";
import type { ControllerMachine } from "./controller-machine.ts";
import { encodeMetadataCommand } from "./metadata-codec.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import type { ApplyOutcome, MetadataImage } from "./metadata-image.ts";

/** What proposing needs. */
export interface MetadataProposerOptions {
  readonly group: RaftGroup;
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
    const { leadership, leaderId } = this.#options.group;
    if (leadership.kind === "leading") return;
    const hint = leaderId === 0 ? {} : { leaderId };
    throw new RopewalkError(
      "NOT_LEADER",
      `Cannot ${action} here: this broker is not the controller`,
      hint,
    );
  }

  /** Resolves with what came of the command when it was applied; rejects as `CommandProposer` does. */
  propose(action: string, command: MetadataCommand): Promise<ApplyOutcome> {
    const { group, machine, proposer } = this.#options;
    return proposer.propose(
      group,
      action,
      encodeMetadataCommand(command),
      () => machine.lastOutcome,
    );
  }
}
