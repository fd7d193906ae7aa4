import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { maskedFields } from "./read-mask.ts";
import { checkRequestLimits, requestLimits } from "./request-limits.ts";

/*
 * Every list of every method of ropewalk.v1 has a bound. What there is is read out of the schema, so that nobody adds a
 * list without saying how long it may get.
 */

interface Field {
  readonly name: string;
  readonly jsonName: string;
  readonly label: string;
  readonly typeName?: string;
}

interface MessageType {
  readonly name: string;
  readonly field?: readonly Field[];
  readonly nestedType?: readonly MessageType[];
  readonly options?: { readonly mapEntry?: boolean };
}

interface SchemaFile {
  readonly package: string;
  readonly messageType?: readonly MessageType[];
  readonly service?: readonly {
    readonly name: string;
    readonly method: readonly {
      readonly name: string;
      readonly inputType: string;
      readonly outputType: string;
      readonly clientStreaming?: boolean;
    }[];
  }[];
}

const repositoryRoot = resolve(import.meta.dirname, "../../../..");

function loadSchema(): readonly SchemaFile[] {
  const buf = resolve(repositoryRoot, "node_modules/.bin/buf");
  const built = spawnSync(buf, ["build", "proto", "-o", "-#format=json"], {
    cwd: repositoryRoot,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (built.status !== 0) throw new Error(`buf build failed: ${built.stderr}`);
  return (JSON.parse(built.stdout) as { readonly file: readonly SchemaFile[] }).file;
}

const files = loadSchema();
const schema = files.filter((file) => file.package === "ropewalk.v1");
const messages = new Map<string, MessageType>();

function addMessage(scope: string, message: MessageType): void {
  messages.set(`${scope}.${message.name}`, message);
  for (const nested of message.nestedType ?? []) addMessage(`${scope}.${message.name}`, nested);
}
for (const file of files) {
  for (const message of file.messageType ?? []) addMessage(`.${file.package}`, message);
}

/** The paths of all lists within a message, with the names that requests have in the code. */
function listsOf(typeName: string): string[] {
  const message = messages.get(typeName);
  return (message?.field ?? []).flatMap(({ jsonName, label, typeName: inner = "" }) => {
    const isMap = messages.get(inner)?.options?.mapEntry === true;
    const within = isMap ? [] : listsOf(inner).map((path) => `${jsonName}.${path}`);
    return label === "LABEL_REPEATED" ? [jsonName, ...within] : within;
  });
}

const methods = schema.flatMap((file) =>
  (file.service ?? []).flatMap(({ method, name }) =>
    method.map((each) => ({ ...each, path: `/${file.package}.${name}/${each.name}` })),
  ),
);

/** What bounds the lists of answers that are not as long as a list of their request. */
const responseBounds: Readonly<Record<string, string>> = {
  brokers: "brokers of the cluster: BrokerAdmission takes in 1,000",
  leaderless: "1,000 are named",
  underReplicated: "1,000 are named",
  "underReplicated.replicaIds": "replicas of a partition: 16",
  "topic.configs": "configs of a topic: each once",
  "topic.partitions": "partitions of a topic: 10,000, and paged where it is described",
  "topic.partitions.replicaIds": "replicas of a partition: 16",
  "topics.configs": "configs of a topic: each once",
  "topics.partitions": "100,000 of all topics, or MESSAGE_TOO_LARGE",
  "topics.partitions.replicaIds": "replicas of a partition: 16",
  "reassignments.replicaIds": "replicas of a partition: 16",
  "reassignments.targetIds": "replicas of a partition: 16",
  "reassignments.addingIds": "replicas of a partition: 16",
  "reassignments.removingIds": "replicas of a partition: 32",
  "partitions.replicaIds": "replicas of a partition: 16",
  members: "membersPerGroupMax: 1,000",
  "members.assignment": "topics of a member: 1,000",
  "members.assignment.partitions": "partitions of a member: 100,000",
  assignment: "topics of a member: 1,000",
  "assignment.partitions": "partitions of a member: 100,000",
  errors: "coordinators: brokers of the cluster",
  acks: "batches in flight on the stream, bounded in bytes",
};

/** Answers as long as a list of their request, or bounded at 1,000. */
const answeredLists: Readonly<Record<string, string>> = {
  "/ropewalk.v1.FetchService/ListOffsets": "offsets",
  "/ropewalk.v1.TopicService/DeleteRecords": "starts",
  "/ropewalk.v1.ConfigService/AlterConfigs": "configs",
  "/ropewalk.v1.ClusterService/GetMetadata": "topics",
  "/ropewalk.v1.PartitionService/ReassignPartitions": "reassignments",
  "/ropewalk.v1.PartitionService/CancelReassignments": "partitions",
  "/ropewalk.v1.PartitionService/AlterReplicationFactor": "reassignments",
};

function fieldNames(typeName: string): string[] {
  return (messages.get(typeName)?.field ?? []).map(({ name }) => name);
}

function isPaged({ inputType, outputType }: (typeof methods)[number]): boolean {
  const asked = fieldNames(inputType);
  return (
    asked.includes("page_size") &&
    asked.includes("page_token") &&
    fieldNames(outputType).includes("next_page_token")
  );
}

test("the schema was read", () => {
  expect(methods.length).toBeGreaterThan(25);
});

describe("every list of a request has a bound", () => {
  test.each(methods)("$path", ({ clientStreaming, inputType, path }) => {
    const lists = listsOf(inputType);
    expect(Object.keys(requestLimits[path] ?? {}).toSorted()).toEqual(lists.toSorted());
    // What streams carry is bounded in bytes, and has no lists.
    if (clientStreaming === true) expect(lists).toEqual([]);
  });
});

describe("every list of an answer has a bound", () => {
  test.each(methods)("$path", (method) => {
    const { outputType, path } = method;
    const open = listsOf(outputType).filter(
      (list) => responseBounds[list] === undefined && answeredLists[path] !== list,
    );
    // One list of an answer is paged, if it is at all.
    expect(open.length).toBeLessThanOrEqual(isPaged(method) ? 1 : 0);
  });
});

test("the fields that a mask may begin with are those of the answer", () => {
  const withMask = methods.filter(({ inputType }) => fieldNames(inputType).includes("read_mask"));
  expect(Object.keys(maskedFields).toSorted()).toEqual(withMask.map(({ path }) => path).toSorted());
  for (const { outputType, path } of withMask) {
    expect([...(maskedFields[path] ?? [])].toSorted()).toEqual(fieldNames(outputType).toSorted());
  }
});

describe("checkRequestLimits()", () => {
  const limited = Object.entries(requestLimits).flatMap(([path, limits]) =>
    Object.entries(limits).map(([field, max]) => ({ path, field, max })),
  );

  function requestWith(field: string, count: number): object {
    const [name = "", inner] = field.split(".");
    const many = Array.from({ length: count }, () => ({}));
    return { [name]: inner === undefined ? many : [{ [inner]: many }] };
  }

  test.each(limited)("checkRequestLimits() of $path takes $max $field and no more", (one) => {
    const { field, max, path } = one;
    expect(() => checkRequestLimits(path, requestWith(field, max))).not.toThrow();
    let error: unknown;
    try {
      checkRequestLimits(path, requestWith(field, max + 1));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: "INVALID_REQUEST",
      validRange: { name: field, min: 0, max },
    });
  });

  test("checkRequestLimits() counts the entries of maps", () => {
    const configs = new Map(Array.from({ length: 101 }, (_, at) => [`c${at}`, "1"]));
    const path = "/ropewalk.v1.TopicService/CreateTopic";
    expect(() => checkRequestLimits(path, { configs })).toThrow(/configs has 101 elements/);
  });
});
