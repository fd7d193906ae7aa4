import { readFileSync } from "node:fs";

import protobuf from "protobufjs";

/** What the generator knows of one `.proto` file. */
export interface SchemaFile {
  readonly protoPath: string;
  readonly imports: readonly string[];
  readonly messages: readonly SchemaMessage[];
  readonly enums: readonly SchemaEnum[];
  readonly services: readonly SchemaService[];
}

export interface SchemaMessage {
  readonly fullName: string;
  readonly name: string;
  readonly comment: string;
  /** In the order of declaration; a oneof stands where its first field does. */
  readonly members: readonly (SchemaField | SchemaOneof)[];
}

export interface SchemaField {
  readonly kind: "field";
  readonly name: string;
  readonly number: number;
  readonly comment: string;
  readonly type: FieldType;
  readonly cardinality: "implicit" | "optional" | "repeated" | "map";
  /** A bytes field that carries record batches: it goes last and is not copied. */
  readonly isPayload: boolean;
}

export interface SchemaOneof {
  readonly kind: "oneof";
  readonly name: string;
  readonly comment: string;
  readonly cases: readonly SchemaField[];
}

export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "enum"; readonly name: string; readonly zero: string }
  | { readonly kind: "message"; readonly name: string; readonly fullName: string };

const scalars = ["bool", "int32", "uint32", "int64", "string", "bytes"] as const;
export type Scalar = (typeof scalars)[number];

export interface SchemaEnum {
  readonly name: string;
  readonly comment: string;
  readonly values: readonly {
    readonly name: string;
    readonly number: number;
    readonly comment: string;
  }[];
}

export interface SchemaService {
  readonly fullName: string;
  readonly name: string;
  readonly comment: string;
  readonly methods: readonly SchemaMethod[];
}

export interface SchemaMethod {
  readonly name: string;
  readonly comment: string;
  readonly request: string;
  readonly response: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** Names that mean something else in TypeScript, or beside the generated code, get a prefix. */
const prefixedNames: ReadonlySet<string> = new Set(["Error", "ErrorCode", "Record"]);

const payloadFields: ReadonlySet<string> = new Set(["record_batch", "record_batches"]);

/** What protobufjs brings with it, and the one message of each. */
const wellKnown: ReadonlyMap<string, string> = new Map([
  ["google/protobuf/any.proto", "google.protobuf.Any"],
  ["google/protobuf/field_mask.proto", "google.protobuf.FieldMask"],
]);

/** Parses the files at `protoPaths` (relative to `protoRoot`) and what they import. */
export function loadSchema(protoRoot: string, protoPaths: readonly string[]): SchemaFile[] {
  const root = new protobuf.Root();
  for (const path of wellKnown.keys()) root.addJSON(protobuf.common.get(path)?.nested ?? {});
  const imports = protoPaths.map((path) => parseInto(root, protoRoot, path));
  root.resolveAll();
  const known = [...wellKnown].map(([path, name]) => schemaFile(path, [], [root.lookupType(name)]));
  const files = protoPaths.map((path, at) =>
    schemaFile(path, imports[at] ?? [], declaredIn(root, path)),
  );
  return [...known, ...files];
}

/** Adds what a file declares to `root` and answers what it imports. */
function parseInto(root: protobuf.Root, protoRoot: string, path: string): readonly string[] {
  Object.assign(protobuf.parse, { filename: path }); // What the parser marks declarations with.
  const text = readFileSync(`${protoRoot}/${path}`, "utf8");
  const parsed = protobuf.parse(text, root, { keepCase: true, alternateCommentMode: true });
  return [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
}

/** Everything that a file declares, nested declarations after the one around them. */
function declaredIn(scope: protobuf.NamespaceBase, path: string): protobuf.ReflectionObject[] {
  return scope.nestedArray.flatMap((child) => [
    ...(child.filename === path && !isPackage(child) ? [child] : []),
    ...(child instanceof protobuf.Namespace || child instanceof protobuf.Type
      ? declaredIn(child, path)
      : []),
  ]);
}

function isPackage(object: protobuf.ReflectionObject): boolean {
  return object.constructor === protobuf.Namespace;
}

function schemaFile(
  protoPath: string,
  imports: readonly string[],
  declared: readonly protobuf.ReflectionObject[],
): SchemaFile {
  return {
    protoPath,
    imports,
    messages: declared.filter((object) => object instanceof protobuf.Type).map(schemaMessage),
    enums: declared.filter((object) => object instanceof protobuf.Enum).map(schemaEnum),
    services: declared.filter((object) => object instanceof protobuf.Service).map(schemaService),
  };
}

function schemaMessage(type: protobuf.Type): SchemaMessage {
  const members: (SchemaField | SchemaOneof)[] = [];
  const seen = new Set<protobuf.OneOf>();
  for (const field of type.fieldsArray) {
    const oneof = field.partOf;
    if (oneof === null || oneof === undefined || oneof.isProto3Optional) {
      members.push(schemaField(field));
    } else if (!seen.has(oneof)) {
      seen.add(oneof);
      members.push(schemaOneof(oneof));
    }
  }
  return { fullName: fullName(type), name: typeName(type), comment: type.comment ?? "", members };
}

function schemaOneof(oneof: protobuf.OneOf): SchemaOneof {
  const cases = oneof.fieldsArray.map(schemaField);
  return { kind: "oneof", name: camelCase(oneof.name), comment: oneof.comment ?? "", cases };
}

function schemaField(field: protobuf.Field): SchemaField {
  return {
    kind: "field",
    name: camelCase(field.name),
    number: field.id,
    comment: field.comment ?? "",
    type: fieldType(field),
    cardinality: cardinality(field),
    isPayload: field.type === "bytes" && payloadFields.has(field.name),
  };
}

function cardinality(field: protobuf.Field): SchemaField["cardinality"] {
  if (field.map) {
    if (field instanceof protobuf.MapField && field.keyType === "string") return "map";
    throw new Error(`${fullName(field)}: the keys of a map must be strings`);
  }
  if (field.repeated) return "repeated";
  const isMessage = field.resolvedType instanceof protobuf.Type;
  return isMessage || field.partOf?.isProto3Optional === true ? "optional" : "implicit";
}

function fieldType(field: protobuf.Field): FieldType {
  const resolved = field.resolvedType;
  if (resolved instanceof protobuf.Type) {
    return { kind: "message", name: typeName(resolved), fullName: fullName(resolved) };
  }
  if (resolved instanceof protobuf.Enum) {
    const zero = schemaEnum(resolved).values.find((value) => value.number === 0);
    if (zero === undefined) throw new Error(`${fullName(resolved)} has no value 0`);
    return { kind: "enum", name: typeName(resolved), zero: zero.name };
  }
  const scalar = scalars.find((name) => name === field.type);
  if (scalar === undefined) {
    throw new Error(
      `${fullName(field)}: ${field.type} fields are not generated, only ${scalars.join(", ")}`,
    );
  }
  return { kind: "scalar", scalar };
}

function schemaEnum(type: protobuf.Enum): SchemaEnum {
  const prefix = `${snakeCase(type.name).toUpperCase()}_`;
  const entries = Object.entries(type.values);
  const cut = entries.every(([name]) => name.startsWith(prefix)) ? prefix.length : 0;
  const values = entries.map(([name, number]) => ({
    name: name.slice(cut),
    number,
    comment: type.comments[name] ?? "",
  }));
  return { name: typeName(type), comment: type.comment ?? "", values };
}

function schemaService(service: protobuf.Service): SchemaService {
  const methods = service.methodsArray.map((method) => ({
    name: method.name,
    comment: method.comment ?? "",
    request: messageName(method.resolvedRequestType, method),
    response: messageName(method.resolvedResponseType, method),
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
  }));
  return {
    fullName: fullName(service),
    name: service.name,
    comment: service.comment ?? "",
    methods,
  };
}

function messageName(type: protobuf.Type | null, method: protobuf.Method): string {
  if (type === null) throw new Error(`${fullName(method)}: its messages are not resolved`);
  return typeName(type);
}

function fullName(object: protobuf.ReflectionObject): string {
  return object.fullName.slice(1);
}

/** `StartPosition.Edge` becomes `StartPositionEdge`. */
function typeName(type: protobuf.Type | protobuf.Enum): string {
  if (type.parent instanceof protobuf.Type) return typeName(type.parent) + type.name;
  return prefixedNames.has(type.name) ? `Proto${type.name}` : type.name;
}

function camelCase(name: string): string {
  return name.replaceAll(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])([A-Z])/g, "_$1");
}
