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
  /**
   * The brokers that formed the cluster, ascending. Who votes on its metadata follows from them, so the
   * same must be said at every start.
   */
  readonly bootstrapIds: readonly number[];
  /** A journal was created here: if it is missing, the broker has forgotten what it promised. */
  readonly hasJournal: boolean;
}

const formatVersion = 1;

/** What a broker says of itself when it opens its directory. */
export interface IdentityClaim {
  readonly brokerId: number;
  readonly bootstrapIds: readonly number[];
}

/**
 * Reads the identity of a data directory, or gives it one, and counts the start. Throws INVALID_REQUEST
 * when the directory is another broker's or was started among others, STORAGE_ERROR when it is damaged
 * or was written by a newer version.
 */
export async function openIdentity(
  disk: Disk,
  random: Random,
  directory: string,
  claim: IdentityClaim,
): Promise<Identity> {
  const known = await readIdentity(disk, identityPath(disk, directory));
  if (known !== undefined) expectSame(directory, known, claim);
  const identity =
    known === undefined
      ? {
          ...claim,
          directoryId: random.uuid(),
          clusterId: "",
          startCount: 1,
          hasJournal: false,
        }
      : { ...known, startCount: known.startCount + 1 };
  await writeIdentity(disk, directory, identity);
  return identity;
}

function expectSame(directory: string, known: Identity, claim: IdentityClaim): void {
  const refuse = (why: string): RopewalkError =>
    new RopewalkError(
      "INVALID_REQUEST",
      `Cannot start broker ${claim.brokerId} on ${directory}: ${why}`,
    );
  if (known.brokerId !== claim.brokerId) {
    throw refuse(
      `it is the data of broker ${known.brokerId}; give --id ${known.brokerId} or another directory`,
    );
  }
  if (known.bootstrapIds.join() !== claim.bootstrapIds.join()) {
    throw refuse(
      `its cluster was formed by brokers ${known.bootstrapIds.join(", ")}, and --peers names ${claim.bootstrapIds.join(", ")}`,
    );
  }
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
  const bootstrapIds: unknown = fields.get("bootstrapIds");
  const hasJournal: unknown = fields.get("hasJournal");
  if (
    typeof directoryId !== "string" ||
    typeof brokerId !== "number" ||
    typeof clusterId !== "string" ||
    typeof startCount !== "number" ||
    typeof hasJournal !== "boolean" ||
    !isNumbers(bootstrapIds)
  ) {
    throw refuse("lacks a field");
  }
  return { directoryId, brokerId, clusterId, startCount, bootstrapIds, hasJournal };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}
