import type { LogEntry } from "@ropewalk/log";
import { commandOf } from "../raft/command-entry.ts";
import type { StateImage } from "../raft/state-image.ts";
import { decodeGroupCommand } from "./group-codec.ts";
import { groupMachinePrefixes } from "./group-machine.ts";
import type { Assignment } from "./range-assignor.ts";

/** Who is in a consumer group and may be reading what, as an observer looks at it; see `RaftObserver`. */
export interface ObservedMembership {
  readonly groupId: string;
  /** An entry has an effect where this is one more than before. */
  readonly epoch: number;
  /** Partitions by topic, by member: those whose offsets it may commit. */
  readonly granted: ReadonlyMap<string, Assignment>;
}

/** Whether the image is one of a replica that keeps consumer groups: of others `observedMembership` says nothing. */
export function keepsConsumerGroups({ prefixes }: StateImage): boolean {
  return prefixes.some((prefix) => prefix.startsWith(groupMachinePrefixes));
}

/** The membership that an entry of such a replica proposes; `undefined` of any other entry. */
export function observedMembership(entry: LogEntry): ObservedMembership | undefined {
  const bytes = commandOf(entry);
  const command = bytes === undefined ? undefined : decodeGroupCommand(bytes);
  if (command?.kind !== "membershipChanged") return undefined;
  const { epoch, groupId, members } = command.membership;
  const granted = [...members].map(([id, member]) => [id, member.granted] as const);
  return { groupId, epoch, granted: new Map(granted) };
}
