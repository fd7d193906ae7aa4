import { RopewalkError } from "@ropewalk/protocol";
import { type Disk, DiskError, type Random } from "@ropewalk/runtime";

/**
 * Who a data directory belongs to, kept in `identity.json` at its top. The directory's own id tells a
 * wiped disk from the one that was there before.
 */
export interface Identity {
  readonly directoryId: string;
  readonly brokerId: number;
  /** Empty until the broker learned which cluster it is in. */
  readonly clusterId: string;
  /** How often the directory was opened: peers tell this process from earlier ones by it. */
  readonly startCount: number;
}

const formatVersion = 1;

/**
 * Reads the identity of a data directory, or gives it one. Throws INVALID_REQUEST when the directory is
 * another broker's, or was written by a newer version.
 */
export async function openIdentity(
  disk: Disk,
  random: Random,
  directory: string,
  brokerId: number,
): Promise<Identity> {
  const path = identityPath(disk, directory);
  const known = await readIdentity(disk, path);
  if (known === undefined) {
    const identity = { directoryId: random.uuid(), brokerId, clusterId: "", startCount: 1 };
    await writeIdentity(disk, directory, identity);
    return identity;
  }
  if (known.brokerId === brokerId) {
    const identity = { ...known, startCount: known.startCount + 1 };
    await writeIdentity(disk, directory, identity);
    return identity;
  }
  throw new RopewalkError(
    "INVALID_REQUEST",
    `Cannot start broker ${brokerId} on ${directory}: it is the data of broker ${known.brokerId}; give --id ${known.brokerId} or another directory`,
  );
}

/** Replaces the identity, durably. */
export async function writeIdentity(
  disk: Disk,
  directory: string,
  identity: Identity,
): Promise<void> {
  const text = JSON.stringify({ formatVersion, ...identity }, undefined, 2);
  await disk.replaceFile(identityPath(disk, directory), new TextEncoder().encode(`${text}\n`));
}

function identityPath(disk: Disk, directory: string): string {
  return disk.join(directory, "identity.json");
}

async function readIdentity(disk: Disk, path: string): Promise<Identity | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await disk.readFile(path);
  } catch (error) {
    if (error instanceof DiskError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
  return parseIdentity(path, new TextDecoder().decode(bytes));
}

function parseIdentity(path: string, text: string): Identity {
  const refuse = (why: string): RopewalkError =>
    new RopewalkError("STORAGE_ERROR", `Cannot use the data directory: ${path} ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new RopewalkError("STORAGE_ERROR", refuse("is damaged").message, { cause: error });
  }
  const fields = new Map(Object.entries(value ?? {}));
  const version: unknown = fields.get("formatVersion");
  if (typeof version === "number" && version > formatVersion) {
    throw refuse(`has format ${version}, and this version knows formats up to ${formatVersion}`);
  }
  const directoryId: unknown = fields.get("directoryId");
  const brokerId: unknown = fields.get("brokerId");
  const clusterId: unknown = fields.get("clusterId");
  const startCount: unknown = fields.get("startCount");
  if (
    typeof directoryId !== "string" ||
    typeof brokerId !== "number" ||
    typeof clusterId !== "string" ||
    typeof startCount !== "number"
  ) {
    throw refuse("lacks a field");
  }
  return { directoryId, brokerId, clusterId, startCount };
}
