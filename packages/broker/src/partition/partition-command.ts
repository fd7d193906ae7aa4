import {
  decodePartitionCommand as decode,
  encodePartitionCommand as encode,
} from "@ropewalk/protocol/internal";

/** What a partition replicates beside records. */
export interface PartitionCommand {
  readonly kind: "startOffsetAdvanced";
  readonly offset: number;
}

/** To bytes: the message `ropewalk.internal.v1.PartitionCommand`. */
export function encodePartitionCommand({ offset }: PartitionCommand): Uint8Array {
  return encode({ command: { case: "advanceStartOffset", value: { offset } } });
}

/** From bytes; `undefined` for kinds that a newer broker may have written. */
export function decodePartitionCommand(bytes: Uint8Array): PartitionCommand | undefined {
  const { command } = decode(bytes);
  if (command === undefined) return undefined;
  return { kind: "startOffsetAdvanced", offset: command.value.offset };
}
