const uint32Values = 0x1_0000_0000;

/** Writes a natural safe integer in eight bytes, big-endian. */
export function writeUint64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32BE(Math.floor(value / uint32Values), at);
  bytes.writeUInt32BE(value % uint32Values, at + 4);
}

/** Reads eight bytes, big-endian. The value is exact up to 2^53 - 1; what is written here never exceeds that. */
export function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * uint32Values + bytes.readUInt32BE(at + 4);
}
