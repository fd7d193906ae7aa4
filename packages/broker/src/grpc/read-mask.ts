import { RopewalkError } from "@ropewalk/protocol";

/*
 * What a client wants of an answer (google.protobuf.FieldMask, AIP-157): paths of fields, as the schema spells them. What
 * lies below a named field comes with it.
 */

/** The fields of the answers that a mask may begin with, by method. */
export const maskedFields: Readonly<Record<string, readonly string[]>> = {
  "/ropewalk.v1.ClusterService/DescribeCluster": [
    "cluster_id",
    "controller_id",
    "broker_id",
    "brokers",
    "leaderless",
    "topic_count",
    "partition_count",
    "feature_level",
  ],
  "/ropewalk.v1.TopicService/ListTopics": ["topics", "next_page_token"],
  "/ropewalk.v1.TopicService/DescribeTopic": ["topic", "next_page_token"],
  "/ropewalk.v1.PartitionService/ListReassignments": [
    "reassignments",
    "next_page_token",
    "throttle_bytes_per_second",
  ],
  "/ropewalk.v1.ConfigService/DescribeConfigs": ["configs", "next_page_token"],
  "/ropewalk.v1.GroupService/DescribeGroup": [
    "group_id",
    "state",
    "group_epoch",
    "coordinator_id",
    "members",
    "offsets",
    "next_page_token",
  ],
};

/** A request that may say which fields of the answer are wanted. */
export interface MaskedRequest {
  readonly readMask?: { readonly paths: readonly string[] } | undefined;
}

/** What the deepest field of any answer takes many times over. Longer ones would only cost. */
const pathCharsMax = 200;

/** Without it a client would think that the page was the last. */
const alwaysTold = "next_page_token";

interface MaskTree extends Map<string, MaskTree> {}

/** Throws INVALID_REQUEST where the mask names what no answer of the method has, or at endless length. */
export function checkReadMask(path: string, { readMask }: MaskedRequest): void {
  const fields = maskedFields[path];
  const long = readMask?.paths.find((each) => each.length > pathCharsMax);
  if (long !== undefined) {
    const message = `Cannot answer ${path.split("/")[2]}: a path of its mask has ${long.length} characters, more than ${pathCharsMax}`;
    throw new RopewalkError("INVALID_REQUEST", message);
  }
  if (readMask === undefined || fields === undefined) return;
  const unknown = readMask.paths.find((each) => !fields.includes(each.split(".")[0] ?? ""));
  if (unknown === undefined) return;
  const message = `Cannot answer ${path.split("/")[2]} with ${JSON.stringify(unknown.slice(0, 100))}: the answer has ${fields.join(", ")}`;
  throw new RopewalkError("INVALID_REQUEST", message);
}

/** Whether a field is wanted, wholly or in part. */
export function isWanted({ readMask }: MaskedRequest, field: string): boolean {
  const { paths = [] } = readMask ?? {};
  const isRelated = (path: string): boolean =>
    path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`);
  return paths.length === 0 || paths.some(isRelated);
}

/** The answer with the fields that are wanted, and no others. */
export function masked<Answer extends object>(request: object, answer: Answer): Answer {
  const paths = pathsOf(request);
  if (paths.length === 0) return answer;
  const tree: MaskTree = new Map();
  for (const path of [...paths, alwaysTold]) grow(tree, path.split("."));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Every field of what is sent may be left out.
  return pruned(answer, tree) as Answer;
}

function pathsOf(request: object): readonly string[] {
  const mask: unknown = Reflect.get(request, "readMask");
  const paths: unknown =
    typeof mask === "object" && mask !== null ? Reflect.get(mask, "paths") : [];
  return Array.isArray(paths) ? paths.filter((path) => typeof path === "string") : [];
}

function grow(tree: MaskTree, [name, ...rest]: readonly string[]): void {
  if (name === undefined) return;
  const key = name.replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
  const known = tree.get(key);
  // What is wanted wholly is not cut by what is wanted of it in part.
  if (known !== undefined && known.size === 0) return;
  const below: MaskTree = rest.length === 0 ? new Map() : (known ?? new Map());
  tree.set(key, below);
  grow(below, rest);
}

function pruned(value: unknown, tree: MaskTree): unknown {
  if (tree.size === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => pruned(each, tree));
  if (value instanceof Map || ArrayBuffer.isView(value)) return value;
  const wanted = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const below = tree.get(key);
    return below === undefined ? [] : [[key, pruned(inner, below)]];
  });
  return Object.fromEntries(wanted);
}
