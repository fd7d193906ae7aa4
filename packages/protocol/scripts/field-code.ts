import type { FieldType, SchemaField, SchemaOneof } from "./proto-schema.ts";

type Side = "decoded" | "init";

const wireVarint = 0;
const wireDelimited = 2;

/** The statement that writes a field of `message`, if it is not at its default. */
export function writeField(field: SchemaField): string {
  const value = `message.${field.name}`;
  switch (field.cardinality) {
    case "implicit":
      return `if (${value} !== undefined && ${isSet(field.type, value)}) { ${writeTagged(field, value)}; }`;
    case "optional":
      return `if (${value} !== undefined) { ${writeTagged(field, value)}; }`;
    case "repeated":
      return isPacked(field.type) ? writePacked(field, value) : writeEach(field, value);
    case "map":
      return `for (const [key, value] of ${value} ?? []) {
        writer.uint32(${tag(field.number, wireDelimited)}).fork().uint32(10).string(key);
        ${writeTagged({ ...field, number: 2 }, "value")};
        writer.ldelim();
      }`;
  }
}

/** The statement that writes the one field of a oneof that is set, unless it is to be left out. */
export function writeOneof(
  oneof: SchemaOneof,
  isLeftOut: (field: SchemaField) => boolean = () => false,
): string {
  const branches = oneof.cases.map((field) => {
    const statement = isLeftOut(field)
      ? ""
      : `${writeTagged(field, `message.${oneof.name}.value`)};`;
    return `case "${field.name}": ${statement} break;`;
  });
  return `switch (message.${oneof.name}?.case) { ${branches.join("\n")} case undefined: break; }`;
}

function writeEach(field: SchemaField, value: string): string {
  return `for (const value of ${value} ?? []) { ${writeTagged(field, "value")}; }`;
}

function writePacked(field: SchemaField, value: string): string {
  return `if (${value} !== undefined && ${value}.length > 0) {
    writer.uint32(${tag(field.number, wireDelimited)}).fork();
    for (const value of ${value}) { ${writeValue(field.type, "writer", "value")}; }
    writer.ldelim();
  }`;
}

function writeTagged(field: SchemaField, value: string): string {
  const wireType = isVarint(field.type) ? wireVarint : wireDelimited;
  return writeValue(field.type, `writer.uint32(${tag(field.number, wireType)})`, value);
}

function writeValue(type: FieldType, writer: string, value: string): string {
  if (type.kind === "message") return `write${type.name}(${writer}.fork(), ${value}).ldelim()`;
  if (type.kind === "enum") return `${writer}.int32(${lowerFirst(type.name)}Numbers[${value}])`;
  switch (type.scalar) {
    case "bool":
    case "string":
    case "bytes":
      return `${writer}.${type.scalar}(${value})`;
    default:
      return `write${upperFirst(type.scalar)}(${writer}, ${value})`;
  }
}

function isSet(type: FieldType, value: string): string {
  if (type.kind === "scalar" && type.scalar === "bytes") return `${value}.length > 0`;
  return `${value} !== ${zeroValue(type)}`;
}

/** The local variable that a field is read into. */
export function declareField(field: SchemaField): string {
  const type = fieldTypeName(field, "decoded");
  switch (field.cardinality) {
    case "implicit":
      return `let ${field.name}: ${type} = ${zeroValue(field.type)};`;
    case "optional":
      return `let ${field.name}: ${type};`;
    case "repeated":
      return `const ${field.name}: ${elementTypeName(field.type, "decoded")}[] = [];`;
    case "map":
      return `const ${field.name} = new Map<string, ${elementTypeName(field.type, "decoded")}>();`;
  }
}

/** The cases of the switch over tags that read a field. */
export function readField(field: SchemaField): string {
  const value = readValue(field.type);
  const own = tag(field.number, isVarint(field.type) ? wireVarint : wireDelimited);
  switch (field.cardinality) {
    case "implicit":
    case "optional":
      return `case ${own}: ${field.name} = ${value}; break;`;
    case "repeated":
      return `case ${own}: ${field.name}.push(${value}); break; ${isPacked(field.type) ? readPacked(field) : ""}`;
    case "map":
      return readMapEntry(field);
  }
}

/** The cases of the switch over tags that read the fields of a oneof; the last one on the wire wins. */
export function readOneof(oneof: SchemaOneof): string {
  const cases = oneof.cases.map((field) => {
    const own = tag(field.number, isVarint(field.type) ? wireVarint : wireDelimited);
    return `case ${own}: ${oneof.name} = { case: "${field.name}", value: ${readValue(field.type)} }; break;`;
  });
  return cases.join("\n");
}

function readPacked(field: SchemaField): string {
  return `case ${tag(field.number, wireDelimited)}: {
    const packedEnd = delimitedEnd(reader, end);
    while (reader.pos < packedEnd) ${field.name}.push(${readValue(field.type)});
    expectEnd(reader, packedEnd);
    break;
  }`;
}

function readMapEntry(field: SchemaField): string {
  const isMessage = field.type.kind === "message";
  const valueType = elementTypeName(field.type, "decoded") + (isMessage ? " | undefined" : "");
  const initial = isMessage ? "" : ` = ${zeroValue(field.type)}`;
  const valueTag = tag(2, isVarint(field.type) ? wireVarint : wireDelimited);
  // A message of no bytes has all its defaults.
  const stored =
    field.type.kind === "message" ? `value ?? read${field.type.name}(reader, entryEnd)` : "value";
  return `case ${tag(field.number, wireDelimited)}: {
    const entryEnd = delimitedEnd(reader, end);
    let key = "";
    let value: ${valueType}${initial};
    while (reader.pos < entryEnd) {
      const entryTag = reader.tag();
      if (entryTag === 10) key = reader.string();
      else if (entryTag === ${valueTag}) value = ${readValue(field.type, "entryEnd")};
      else skipField(reader, entryTag);
    }
    expectEnd(reader, entryEnd);
    ${field.name}.set(key, ${stored});
    break;
  }`;
}

function readValue(type: FieldType, end = "end"): string {
  if (type.kind === "message") return `read${type.name}(reader, delimitedEnd(reader, ${end}))`;
  if (type.kind === "enum") return `read${type.name}(reader)`;
  if (type.scalar === "int64") return "readInt64(reader)";
  return `reader.${type.scalar}()`;
}

/** The type of a field: as it is decoded, or as it may be given to be encoded. */
export function fieldTypeName(field: SchemaField, side: Side): string {
  const element = elementTypeName(field.type, side);
  switch (field.cardinality) {
    case "implicit":
      return field.isPayload && side === "init" ? "BytesPieces" : element;
    case "optional":
      return side === "init" ? element : `${element} | undefined`;
    case "repeated":
      return `readonly ${element}[]`;
    case "map":
      return `ReadonlyMap<string, ${element}>`;
  }
}

/** The type of one value of a field. */
export function elementTypeName(type: FieldType, side: Side): string {
  if (type.kind === "message") return side === "init" ? `${type.name}Init` : type.name;
  if (type.kind === "enum") return type.name;
  switch (type.scalar) {
    case "bool":
      return "boolean";
    case "string":
      return "string";
    case "bytes":
      return "Uint8Array";
    default:
      return "number";
  }
}

function zeroValue(type: FieldType): string {
  if (type.kind === "message") return "undefined";
  if (type.kind === "enum") return `"${type.zero}"`;
  switch (type.scalar) {
    case "bool":
      return "false";
    case "string":
      return '""';
    case "bytes":
      return "emptyBytes";
    default:
      return "0";
  }
}

function isVarint(type: FieldType): boolean {
  if (type.kind === "scalar") return type.scalar !== "string" && type.scalar !== "bytes";
  return type.kind === "enum";
}

function isPacked(type: FieldType): boolean {
  return isVarint(type);
}

/** A field's number and wire type, as they stand before its value. */
export function tag(number: number, wireType: number): number {
  return number * 8 + wireType;
}

function upperFirst(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** `StartPositionEdge` becomes `startPositionEdge`. */
export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
