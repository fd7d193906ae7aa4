import type { ConfState } from "raft-ts";
import type { Directive } from "./datadriven.ts";
import { argumentValue, argumentValues } from "./datadriven.ts";

/** How the nodes of one `add-nodes` command are set up. */
export interface NodeSetup {
  readonly confState: ConfState | undefined;
  readonly index: number;
  readonly content: string;
  readonly maxInflightMsgs: number;
  readonly asyncStorageWrites: boolean;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly maxCommittedSizePerReady: number;
  readonly disableConfChangeValidation: boolean;
  readonly readOnlyOption: "safe" | "leaseBased";
  readonly stepDownOnRemoval: boolean;
}

/** Reads the arguments of an `add-nodes` command. */
export function parseNodeSetup(directive: Directive): NodeSetup {
  const ids = (key: string): number[] => (argumentValues(directive, key) ?? []).map(Number);
  const flag = (key: string): boolean => argumentValue(directive, key, "false") === "true";
  const isBootstrapped = directive.arguments.some((argument) =>
    ["voters", "learners", "index", "content"].includes(argument.key),
  );
  const confState = {
    voters: ids("voters"),
    votersOutgoing: [],
    learners: ids("learners"),
    learnersNext: [],
    autoLeave: false,
  };
  return {
    confState: isBootstrapped ? confState : undefined,
    index: Number(argumentValue(directive, "index", "0")),
    content: argumentValue(directive, "content", ""),
    maxInflightMsgs: Number(argumentValue(directive, "inflight", "2147483647")),
    asyncStorageWrites: flag("async-storage-writes"),
    preVote: flag("prevote"),
    checkQuorum: flag("checkquorum"),
    maxCommittedSizePerReady: Number(
      argumentValue(directive, "max-committed-size-per-ready", "Infinity"),
    ),
    disableConfChangeValidation: flag("disable-conf-change-validation"),
    readOnlyOption:
      argumentValue(directive, "read-only", "safe") === "lease-based" ? "leaseBased" : "safe",
    stepDownOnRemoval: flag("step-down-on-removal"),
  };
}
