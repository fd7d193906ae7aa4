/** Closed shapes of Kubernetes objects: what is not listed is refused. */

export interface Shape {
  readonly required: readonly string[];
  /**
   * Type of each field: a name in the table, `string`, `integer`, `boolean`, `quantity`,
   * `intOrString` or `any`, alone or as `T[]` or `map of T`.
   */
  readonly fields: Readonly<Record<string, string>>;
}

export interface ShapeTable {
  /** Where the table was derived from. */
  readonly source: string;
  /** `apiVersion kind` to the name of its shape. */
  readonly kinds: Readonly<Record<string, string>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

const QUANTITY = /^[+-]?[0-9]+(\.[0-9]+)?(m|k|[KMGTPE]i?|e[+-]?[0-9]+)?$/;

/** Every way in which one object differs from the shape of its kind, as `path: fault`. */
export function shapeFaults(table: ShapeTable, object: unknown): readonly string[] {
  if (!isRecord(object)) return ["$: not an object"];
  const { apiVersion, kind } = object as { apiVersion?: unknown; kind?: unknown };
  const name = `${String(apiVersion)} ${String(kind)}`;
  const type = table.kinds[name];
  if (type === undefined) return [`$: unknown kind ${name}`];
  const faults: string[] = [];
  checkValue(table, type, object, String(kind), faults);
  return faults;
}

function checkValue(
  table: ShapeTable,
  type: string,
  value: unknown,
  path: string,
  faults: string[],
): void {
  if (type.startsWith("map of ")) {
    checkMap(table, type.slice("map of ".length), value, path, faults);
  } else if (type.endsWith("[]")) {
    checkList(table, type.slice(0, -"[]".length), value, path, faults);
  } else {
    const shape = table.shapes[type];
    if (shape !== undefined) checkShape(table, shape, value, path, faults);
    else if (!isScalar(type, value)) faults.push(`${path}: not a ${type}`);
  }
}

function checkMap(
  table: ShapeTable,
  type: string,
  value: unknown,
  path: string,
  faults: string[],
): void {
  if (!isRecord(value)) {
    faults.push(`${path}: not a map`);
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    checkValue(table, type, item, `${path}.${key}`, faults);
  }
}

function checkList(
  table: ShapeTable,
  type: string,
  value: unknown,
  path: string,
  faults: string[],
): void {
  if (!Array.isArray(value)) {
    faults.push(`${path}: not a list`);
    return;
  }
  for (const [index, item] of value.entries()) {
    checkValue(table, type, item, `${path}[${String(index)}]`, faults);
  }
}

function checkShape(
  table: ShapeTable,
  shape: Shape,
  value: unknown,
  path: string,
  faults: string[],
): void {
  if (!isRecord(value)) {
    faults.push(`${path}: not an object`);
    return;
  }
  for (const field of shape.required) {
    if (!Object.hasOwn(value, field)) faults.push(`${path}.${field}: missing`);
  }
  for (const [field, item] of Object.entries(value)) {
    const type = Object.hasOwn(shape.fields, field) ? shape.fields[field] : undefined;
    if (type === undefined) faults.push(`${path}.${field}: unknown field`);
    else checkValue(table, type, item, `${path}.${field}`, faults);
  }
}

function isScalar(type: string, value: unknown): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return Number.isSafeInteger(value);
    case "intOrString":
      return typeof value === "string" || Number.isSafeInteger(value);
    case "quantity":
      return Number.isSafeInteger(value) || (typeof value === "string" && QUANTITY.test(value));
    case "any":
      return true;
    default:
      throw new Error(`cannot check a value: the table has no type ${type}`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
