import {
  decodeGroupCommand as decodeCommand,
  decodeGroupMembership,
  decodeGroupOffsets,
  encodeGroupCommand as encodeCommand,
  encodeGroupMembership,
  encodeGroupOffsets,
  type GroupMembership,
  type GroupMembershipInit,
  type OffsetState,
} from "@ropewalk/protocol/internal";
import type { Membership } from "./group-membership.ts";
import type { Assignment } from "./range-assignor.ts";

/** A committed position: the next record to read, and what the committer wanted to remember with it. */
export type CommittedOffset = OffsetState;

/** A change of consumer groups, as their internal topic has it. */
export type GroupCommand =
  | { readonly kind: "membershipChanged"; readonly membership: Membership }
  | {
      readonly kind: "offsetsCommitted";
      readonly groupId: string;
      readonly offsets: readonly CommittedOffset[];
    };

/** A command to bytes: `ropewalk.internal.v1.GroupCommand`. */
export function encodeGroupCommand(command: GroupCommand): Uint8Array {
  return command.kind === "membershipChanged"
    ? encodeCommand({
        command: { case: "groupChanged", value: fromMembership(command.membership) },
      })
    : encodeCommand({ command: { case: "offsetsCommitted", value: command } });
}

/** A command from bytes; `undefined` for kinds that a newer broker may have written. */
export function decodeGroupCommand(bytes: Uint8Array): GroupCommand | undefined {
  const { command } = decodeCommand(bytes);
  switch (command?.case) {
    case undefined:
      return undefined;
    case "groupChanged":
      return { kind: "membershipChanged", membership: toMembership(command.value) };
    case "offsetsCommitted":
      return { kind: "offsetsCommitted", ...command.value };
  }
}

/** A membership to the bytes that are kept of it. */
export function encodeMembership(membership: Membership): Uint8Array {
  return encodeGroupMembership(fromMembership(membership));
}

/** A membership from bytes. */
export function decodeMembership(bytes: Uint8Array): Membership {
  return toMembership(decodeGroupMembership(bytes));
}

/** A group's offsets to the bytes that are kept of them. */
export function encodeOffsets(offsets: Iterable<CommittedOffset>): Uint8Array {
  return encodeGroupOffsets({ offsets: [...offsets] });
}

/** A group's offsets from bytes. */
export function decodeOffsets(bytes: Uint8Array): readonly CommittedOffset[] {
  return decodeGroupOffsets(bytes).offsets;
}

/** An assignment as messages have it. */
export function listAssignment(
  assignment: Assignment,
): { readonly topic: string; readonly partitions: readonly number[] }[] {
  return [...assignment].map(([topic, partitions]) => ({ topic, partitions }));
}

/** An assignment from messages. */
export function toAssignment(
  list: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): Assignment {
  return new Map(list.map(({ topic, partitions }) => [topic, partitions]));
}

function fromMembership({ groupId, epoch, members }: Membership): GroupMembershipInit {
  return {
    groupId,
    epoch,
    members: [...members.values()].map((member) => ({
      ...member,
      target: listAssignment(member.target),
      granted: listAssignment(member.granted),
    })),
  };
}

function toMembership({ groupId, epoch, members }: GroupMembership): Membership {
  return {
    groupId,
    epoch,
    members: new Map(
      members.map((member) => [
        member.memberId,
        {
          ...member,
          target: toAssignment(member.target),
          granted: toAssignment(member.granted),
        },
      ]),
    ),
  };
}
