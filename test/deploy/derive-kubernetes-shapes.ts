/**
 * Derives kubernetes-shapes.json: for the kinds that `deploy/` uses, every field a Kubernetes API
 * server knows, and its type. An unknown field is silently dropped by a cluster unless it is asked
 * to be strict, so a misspelt one is only seen here.
 *
 * Source: api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes (Apache-2.0).
 *
 *     go mod download -json k8s.io/kubernetes@v1.34.5     (prints the module's "Dir")
 *     npx node test/deploy/derive-kubernetes-shapes.ts DIR/api/openapi-spec/swagger.json v1.34.5
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { Shape, ShapeTable } from "./shape-check.ts";

const KIND_DEFINITIONS = {
  "v1 ConfigMap": "io.k8s.api.core.v1.ConfigMap",
  "v1 Namespace": "io.k8s.api.core.v1.Namespace",
  "v1 Service": "io.k8s.api.core.v1.Service",
  "v1 ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
  "apps/v1 StatefulSet": "io.k8s.api.apps.v1.StatefulSet",
  "networking.k8s.io/v1 NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
  "policy/v1 PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
} as const;

/** Written by the API server alone; a manifest that carries them is a mistake. */
const SERVER_FIELDS: ReadonlySet<string> = new Set(["status", "managedFields"]);

/** The part of a Swagger 2 schema that Kubernetes uses. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

type Definitions = Readonly<Record<string, Schema>>;

export function deriveShapes(definitions: Definitions, source: string): ShapeTable {
  const shapes = new Map<string, Shape>();
  const kinds: Record<string, string> = {};
  for (const [kind, name] of Object.entries(KIND_DEFINITIONS)) {
    kinds[kind] = addShape(definitions, name, shapes);
  }
  const sorted = [...shapes].sort(([a], [b]) => (a < b ? -1 : 1));
  return { source, kinds, shapes: Object.fromEntries(sorted) };
}

/** Adds the definition and all it refers to; answers its short name. */
function addShape(definitions: Definitions, name: string, shapes: Map<string, Shape>): string {
  const short = name.slice(name.lastIndexOf(".") + 1);
  const schema = definitions[name];
  if (schema === undefined) throw new Error(`cannot derive ${name}: the source does not define it`);
  if (schema.properties === undefined) return scalarOf(schema, short);
  if (shapes.has(short)) return short;
  const fields: Record<string, string> = {};
  shapes.set(short, { required: schema.required ?? [], fields });
  for (const [field, fieldSchema] of Object.entries(schema.properties)) {
    if (SERVER_FIELDS.has(field)) continue;
    fields[field] = typeOf(definitions, fieldSchema, shapes);
  }
  return short;
}

/** The type in the notation of shape-check.ts. */
function typeOf(definitions: Definitions, schema: Schema, shapes: Map<string, Shape>): string {
  if (schema.$ref !== undefined) {
    return addShape(definitions, schema.$ref.slice("#/definitions/".length), shapes);
  }
  if (schema.items !== undefined) return `${typeOf(definitions, schema.items, shapes)}[]`;
  if (schema.additionalProperties !== undefined) {
    return `map of ${typeOf(definitions, schema.additionalProperties, shapes)}`;
  }
  return scalarOf(schema, "anonymous schema");
}

function scalarOf(schema: Schema, name: string): string {
  if (name === "Quantity") return "quantity";
  if (schema.format === "int-or-string") return "intOrString";
  if (schema.type === "integer" || schema.type === "boolean" || schema.type === "string") {
    return schema.type;
  }
  if (schema.type === "object") return "any"; // FieldsV1 and the like.
  throw new Error(`cannot derive ${name}: its type is ${String(schema.type)}`);
}

if (import.meta.main) {
  const [swaggerFile, version] = process.argv.slice(2);
  if (swaggerFile === undefined || version === undefined) {
    throw new Error("cannot derive shapes: arguments are SWAGGER_FILE and VERSION");
  }
  const swagger = JSON.parse(readFileSync(swaggerFile, "utf8")) as { definitions: Definitions };
  const source = `k8s.io/kubernetes ${version}, api/openapi-spec/swagger.json (Apache-2.0)`;
  const table = deriveShapes(swagger.definitions, source);
  const target = new URL("kubernetes-shapes.json", import.meta.url);
  writeFileSync(target, `${JSON.stringify(table, undefined, 2)}\n`);
}
