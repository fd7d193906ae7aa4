import {
  declareField,
  elementTypeName,
  fieldTypeName,
  readField,
  readOneof,
  tag,
  writeField,
  writeOneof,
} from "./field-code.ts";
import type { SchemaField, SchemaFile, SchemaMessage, SchemaOneof } from "./proto-schema.ts";

type Member = SchemaField | SchemaOneof;

const wireDelimited = 2;

/**
 * The full names of the messages that carry a payload, themselves or in a message of theirs. They
 * get `serializeX`, which leaves the payload uncopied, in place of `writeX`.
 */
export function payloadMessages(files: readonly SchemaFile[]): ReadonlySet<string> {
  const messages = files.flatMap((file) => file.messages);
  const found = new Set<string>();
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const message of messages) {
      if (payloadFields(message, found).length > 0) found.add(message.fullName);
    }
  }
  return found;
}

function payloadFields(message: SchemaMessage, payloads: ReadonlySet<string>): SchemaField[] {
  const fields = allFields(message).filter((field) => isPayloadField(field, payloads));
  const repeated = fields.find(
    (field) => field.cardinality === "repeated" || field.cardinality === "map",
  );
  if (repeated !== undefined || fields.length > 1) {
    throw new Error(
      `${message.fullName}: record batches can be written once, at the end of a message`,
    );
  }
  return fields;
}

function isPayloadField(field: SchemaField, payloads: ReadonlySet<string>): boolean {
  return field.isPayload || (field.type.kind === "message" && payloads.has(field.type.fullName));
}

/** The fields of a message, those of its oneofs among them. */
export function allFields(message: SchemaMessage): SchemaField[] {
  return message.members.flatMap((member) => (member.kind === "oneof" ? member.cases : [member]));
}

/** Refuses messages that contain themselves: decoding them would need a bound on the depth. */
export function refuseRecursion(files: readonly SchemaFile[]): void {
  const messages = new Map(
    files.flatMap((file) => file.messages.map((each) => [each.fullName, each])),
  );
  const visit = (fullName: string, path: readonly string[]): void => {
    if (path.includes(fullName))
      throw new Error(`${fullName} contains itself: ${path.join(" → ")}`);
    const message = messages.get(fullName);
    for (const field of message === undefined ? [] : allFields(message)) {
      if (field.type.kind === "message") visit(field.type.fullName, [...path, fullName]);
    }
  };
  for (const fullName of messages.keys()) visit(fullName, []);
}

/**
 * What a message is used for: "root" messages are encoded and decoded by whoever wants to, "served" ones
 * by the methods of the services in their file, "part" ones only inside of other messages.
 */
export type MessageRole = "root" | "served" | "part";

/** The types and functions of one message. */
export function messageCode(
  message: SchemaMessage,
  role: MessageRole,
  payloads: ReadonlySet<string>,
): string {
  const isPayload = payloads.has(message.fullName);
  return [
    interfaceCode(message, "decoded"),
    interfaceCode(message, "init"),
    role === "part" || (role === "served" && isPayload) ? "" : encodeCode(message, role, isPayload),
    isPayload ? serializeCode(message, payloads) : writeCode(message),
    role === "part" ? "" : decodeCode(message, role),
    readCode(message),
  ].join("\n\n");
}

function interfaceCode(message: SchemaMessage, side: "decoded" | "init"): string {
  if (side === "init") {
    const lines = message.members.map(
      (member) => `readonly ${member.name}?: ${memberType(member, side)} | undefined;`,
    );
    return `${docComment(`{@link ${message.name}}, to be encoded: what is left out has its default.`)}export interface ${message.name}Init { ${lines.join("\n")} }`;
  }
  const lines = message.members.map(
    (member) =>
      `${docComment(member.comment)}readonly ${member.name}: ${memberType(member, side)};`,
  );
  return `${docComment(message.comment || `The message \`${message.fullName}\`.`)}export interface ${message.name} { ${lines.join("\n")} }`;
}

function memberType(member: Member, side: "decoded" | "init"): string {
  if (member.kind === "field") return fieldTypeName(member, side);
  const cases = member.cases.map((field) => {
    const type =
      field.isPayload && side === "init" ? "BytesPieces" : elementTypeName(field.type, side);
    return `${docComment(side === "decoded" ? field.comment : "")}| { readonly case: "${field.name}"; readonly value: ${type} }`;
  });
  return `${cases.join("\n")}${side === "decoded" ? " | undefined" : ""}`;
}

function encodeCode(
  { name, fullName }: SchemaMessage,
  role: MessageRole,
  isPayload: boolean,
): string {
  const body = isPayload
    ? `serialize${name}(message).toBuffer()`
    : `write${name}(Writer.create(), message).finish(true) as Buffer`;
  return `/** Encodes \`${fullName}\`. Throws a \`RangeError\` for a number that its field cannot hold. */
    ${role === "root" ? "export " : ""}function encode${name}(message: ${name}Init): Buffer { return ${body}; }`;
}

function writeCode(message: SchemaMessage): string {
  const { name } = message;
  const unused = message.members.length === 0 ? "_" : "";
  return `/** Appends \`${message.fullName}\` to a writer. */
    export function write${name}(writer: Writer, ${unused}message: ${name}Init): Writer {
      ${message.members.map(writeMember).join("\n")}
      return writer;
    }`;
}

function writeMember(member: Member): string {
  return member.kind === "oneof" ? writeOneof(member) : writeField(member);
}

function serializeCode(message: SchemaMessage, payloads: ReadonlySet<string>): string {
  const { name } = message;
  const statements = message.members.map((member) => writeHead(member, payloads));
  return `/** Encodes \`${message.fullName}\` without copying its record batches, which go last. */
    export function serialize${name}(message: ${name}Init): PayloadMessage {
      const writer = Writer.create();
      ${statements.join("\n")}
      ${writeTail(message, payloads)}
    }`;
}

/** Writes a member, unless it is the payload. */
function writeHead(member: Member, payloads: ReadonlySet<string>): string {
  if (member.kind === "oneof")
    return writeOneof(member, (field) => isPayloadField(field, payloads));
  return isPayloadField(member, payloads) ? "" : writeField(member);
}

/** Ends a message with its payload. */
function writeTail(message: SchemaMessage, payloads: ReadonlySet<string>): string {
  const [field] = payloadFields(message, payloads);
  if (field === undefined) throw new Error(`${message.fullName} has no payload`);
  const declaration = `const payload = ${payloadValue(message, field)};`;
  const own = tag(field.number, wireDelimited);
  if (field.type.kind !== "message") {
    return `${declaration} return PayloadMessage.endingWith(writer, ${own}, payload);`;
  }
  const inner = `payload === undefined ? undefined : serialize${field.type.name}(payload)`;
  return `${declaration} return PayloadMessage.around(writer, ${own}, ${inner});`;
}

function payloadValue(message: SchemaMessage, field: SchemaField): string {
  const oneof = message.members.find(
    (member) => member.kind === "oneof" && member.cases.includes(field),
  );
  if (oneof === undefined) return `message.${field.name}`;
  const value = `message.${oneof.name}`;
  return `${value}?.case === "${field.name}" ? ${value}.value : undefined`;
}

function decodeCode({ name, fullName }: SchemaMessage, role: MessageRole): string {
  return `/** Decodes \`${fullName}\`; bytes fields are slices of \`bytes\`. Bad bytes are a \`RopewalkError\` with the code \`INVALID_REQUEST\`. */
    ${role === "root" ? "export " : ""}function decode${name}(bytes: Uint8Array): ${name} {
      return decodeMessage(bytes, "${fullName}", read${name});
    }`;
}

function readCode(message: SchemaMessage): string {
  const { members, name } = message;
  const declarations = members.map((member) =>
    member.kind === "oneof"
      ? `let ${member.name}: ${name}["${member.name}"];`
      : declareField(member),
  );
  const cases = members.map((member) =>
    member.kind === "oneof" ? readOneof(member) : readField(member),
  );
  const body =
    members.length === 0
      ? "while (reader.pos < end) skipField(reader, reader.tag());"
      : `while (reader.pos < end) {
          const tag = reader.tag();
          switch (tag) { ${cases.join("\n")} default: skipField(reader, tag); }
        }`;
  return `/** Reads \`${message.fullName}\` up to \`end\`. */
    export function read${name}(reader: Reader, end: number): ${name} {
      ${declarations.join("\n")}
      ${body}
      expectEnd(reader, end);
      return { ${members.map((member) => member.name).join(", ")} };
    }`;
}

/** A comment of the schema as a doc comment, or nothing. */
export function docComment(text: string): string {
  if (text === "") return "";
  const lines = text.replaceAll("*/", "*\\/").split("\n");
  if (lines.length === 1) return `/** ${lines[0]} */\n`;
  return `/**\n${lines.map((line) => ` * ${line}`).join("\n")}\n */\n`;
}
