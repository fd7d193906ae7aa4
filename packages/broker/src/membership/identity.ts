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
  /** The brokers that formed the cluster, or are to, ascending: with whom its metadata's log begins. */
  readonly bootstrapIds: readonly number[];
  /** Whether the broker took part in a cluster with this directory, so that it must go on as who it was. */
  readonly hasJoined: boolean;
  /**
   * The entry of the metadata's log that took the directory in; 0 where it helped to form the cluster. What the
   * broker held before that entry was on another disk, and is lost.
   */
  readonly enteredIndex: number;
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
          hasJoined: false,
          enteredIndex: 0,
        }
      : started(known, claim);
  await writeIdentity(disk, directory, identity);
  return identity;
}

/** Who took part in nothing yet may be told otherwise at every start. */
function started(known: Identity, { bootstrapIds }: IdentityClaim): Identity {
  const identity = { ...known, startCount: known.startCount + 1 };
  return known.hasJoined ? identity : { ...identity, bootstrapIds };
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
  // Once there is a cluster the brokers that are named only say where to find it.
  const isForming = known.hasJoined && known.clusterId === "";
  if (isForming && known.bootstrapIds.join() !== claim.bootstrapIds.join()) {
    throw refuse(
      `its cluster is formed by brokers ${known.bootstrapIds.join(", ")}, and --peers names ${claim.bootstrapIds.join(", ")}`,
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
  // Directories of earlier versions lack the next two: they helped to form their cluster.
  const hasJoined: unknown = fields.get("hasJoined") ?? true;
  const enteredIndex: unknown = fields.get("enteredIndex") ?? 0;
  if (
    typeof directoryId !== "string" ||
    typeof brokerId !== "number" ||
    typeof clusterId !== "string" ||
    typeof startCount !== "number" ||
    typeof hasJournal !== "boolean" ||
    typeof hasJoined !== "boolean" ||
    typeof enteredIndex !== "number" ||
    !isNumbers(bootstrapIds)
  ) {
    throw refuse("lacks a field");
  }
  const joined = { bootstrapIds, hasJoined, enteredIndex };
  return { directoryId, brokerId, clusterId, startCount, hasJournal, ...joined };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}
