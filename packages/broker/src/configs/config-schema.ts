import { RopewalkError } from "@ropewalk/protocol";
import type { ConfigRule } from "./config-rule.ts";

/** A config that a kind of resource can have. */
export interface ConfigDefinition {
  readonly name: string;
  /** MAPPED: what the accepted values ask for is what is always done. */
  readonly support: "SUPPORTED" | "MAPPED";
  readonly rule: ConfigRule;
  /** The built-in value. */
  readonly defaultValue: string;
  /** One line. */
  readonly documentation: string;
  /** What the cluster's default for it is called; `undefined`: there is none. */
  readonly clusterName: string | undefined;
}

/** The configs of a kind of resource: all that can be set, and those that are known and cannot, with the reason. */
export interface ConfigSchema {
  readonly definitions: ReadonlyMap<string, ConfigDefinition>;
  readonly unsupported: ReadonlyMap<string, string>;
}

/** Makes a schema of its parts. */
export function configSchema(
  definitions: readonly ConfigDefinition[],
  unsupported: ReadonlyMap<string, string>,
): ConfigSchema {
  return { definitions: new Map(definitions.map((each) => [each.name, each])), unsupported };
}

/**
 * Answers the definition of a config, or throws INVALID_CONFIG: with the reason where Kafka has it, with the
 * names there are where nobody has. `action` begins the message: "create topic orders".
 */
export function definitionOf(
  schema: ConfigSchema,
  action: string,
  name: string,
  value: string,
): ConfigDefinition {
  const definition = schema.definitions.get(name);
  if (definition !== undefined) return definition;
  const reason = schema.unsupported.get(name);
  const known = [...schema.definitions.keys()].join(", ");
  const fault = reason === undefined ? `(${known} are)` : `: ${reason}`;
  const text = `is not supported${reason === undefined ? " " : ""}${fault}`;
  throw invalidConfig(action, { name, value, validValues: "" }, text);
}

/** Throws INVALID_CONFIG where the config cannot have the value; the error says which it can have. */
export function checkValue(
  schema: ConfigSchema,
  action: string,
  name: string,
  value: string,
): void {
  const { rule } = definitionOf(schema, action, name, value);
  if (rule.accepts(value)) return;
  const { validValues } = rule;
  throw invalidConfig(action, { name, value, validValues }, `must be ${validValues}`);
}

/** Values in messages are cut here: a client may send anything. */
const shownCharsMax = 200;

/** The error of a config that cannot be what somebody wants; `fault` goes on behind its name. */
export function invalidConfig(
  action: string,
  config: { readonly name: string; readonly value: string; readonly validValues: string },
  fault: string,
): RopewalkError {
  const value = config.value.slice(0, shownCharsMax);
  const name = config.name.slice(0, shownCharsMax);
  return new RopewalkError(
    "INVALID_CONFIG",
    `Cannot ${action} with ${name}=${value}: ${name} ${fault}`,
    { invalidConfig: { name, value, validValues: config.validValues } },
  );
}
