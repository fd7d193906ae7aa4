/** How the group of one schedule is set up. Limits in bytes may be Infinity. */
export interface GroupSettings {
  readonly nodes: number;
  readonly voters: readonly number[];
  readonly learners: readonly number[];
  /** Index as of which the first members start; 0 = all nodes know the membership from the beginning. */
  readonly base: number;
  readonly async: boolean;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseReads: boolean;
  readonly disableProposalForwarding: boolean;
  readonly stepDownOnRemoval: boolean;
  readonly electionTick: number;
  readonly heartbeatTick: number;
  readonly maxSizePerMsg: number;
  readonly maxCommittedSizePerReady: number;
  readonly maxUncommittedEntriesSize: number;
  readonly maxInflightMsgs: number;
  readonly maxInflightBytes: number;
}

/**
 * What is done to a group. The first argument of all but `deliver` is a node, and of `deliver` the number
 * of a message: messages are numbered from 0 in the order in which they left their nodes.
 *
 * `propose label`, `confchange v1|v2 transition steps|-`, `read context`, `transfer to`, `unreachable
 * peer` and `snapstatus peer finish|failure` call the function they are named after. `ready` takes a
 * Ready; without asynchronous writes it is durable at once, and `advance` applies it. With them `append`
 * and `apply` do the oldest waiting work of a kind. `compact index`, `snapshots on|off` and `restart`
 * are for the storage and the process.
 */
export type CommandName =
  | "tick"
  | "campaign"
  | "propose"
  | "confchange"
  | "read"
  | "transfer"
  | "forget"
  | "unreachable"
  | "snapstatus"
  | "deliver"
  | "ready"
  | "advance"
  | "append"
  | "apply"
  | "compact"
  | "snapshots"
  | "restart";

/** One step of a schedule. */
export interface Command {
  /** What every draw of an election timeout during this step yields, above the minimum. */
  readonly random: number;
  readonly name: CommandName;
  readonly args: readonly (string | number)[];
}

/** Every payload has this size, so that limits in bytes bite at the same entry in both libraries. */
export const PAYLOAD_BYTES = 200;

/** The line that starts a schedule at the reference. */
export function formatSettings(settings: GroupSettings): string {
  const entries: [string, boolean | number | readonly number[]][] = Object.entries(settings);
  const fields = entries.map(([key, value]) => `${key}=${formatSetting(value)}`);
  return `schedule ${fields.join(" ")}`;
}

function formatSetting(value: boolean | number | readonly number[]): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  return value === Infinity ? "max" : String(value);
}

/** The line of one command at the reference. */
export function formatCommand(command: Command): string {
  return [command.random, command.name, ...command.args].join(" ");
}
