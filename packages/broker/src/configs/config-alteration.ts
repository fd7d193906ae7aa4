import { type ConfigOperation, RopewalkError } from "@ropewalk/protocol";
import { checkValue, type ConfigSchema, definitionOf, invalidConfig } from "./config-schema.ts";

/** One step of an incremental alteration (KIP-339). */
export interface ConfigAlteration {
  readonly name: string;
  readonly operation: ConfigOperation;
  /** Of no meaning where the operation is DELETE. */
  readonly value: string;
}

/** What an alteration comes to: these values are set, these names have none of their own any more. */
export interface ConfigChange {
  readonly set: ReadonlyMap<string, string>;
  readonly deleted: readonly string[];
}

/** Alterations that one request may have. */
const alterationsMax = 100;

/**
 * What alterations come to, given the values that the resource has of its own and those that it has
 * otherwise. Throws INVALID_CONFIG, or INVALID_REQUEST where the request itself makes no sense; `action`
 * begins the message.
 */
export function configChange(
  schema: ConfigSchema,
  action: string,
  alterations: readonly ConfigAlteration[],
  own: ReadonlyMap<string, string>,
  inherited: (name: string) => string | undefined,
): ConfigChange {
  checkRequest(action, alterations);
  const set = new Map<string, string>();
  const deleted: string[] = [];
  for (const alteration of alterations) {
    const { name, operation, value } = alteration;
    if (operation === "DELETE") {
      // What was accepted once can be taken back, whatever is accepted now.
      if (!own.has(name)) definitionOf(schema, action, name, "");
      if (own.has(name)) deleted.push(name);
      continue;
    }
    const next =
      operation === "SET"
        ? value
        : alteredList(schema, action, alteration, own.get(name) ?? inherited(name) ?? "");
    checkValue(schema, action, name, next);
    if (own.get(name) !== next) set.set(name, next);
  }
  return { set, deleted };
}

/** The values that a resource has of its own after a change. */
export function changedConfigs(
  own: ReadonlyMap<string, string>,
  { deleted, set }: ConfigChange,
): ReadonlyMap<string, string> {
  const configs = new Map([...own, ...set]);
  for (const name of deleted) configs.delete(name);
  return configs;
}

function checkRequest(action: string, alterations: readonly ConfigAlteration[]): void {
  if (alterations.length === 0 || alterations.length > alterationsMax) {
    throw invalidRequest(
      `Cannot ${action}: ${alterations.length} alterations, where 1 to ${alterationsMax} are possible`,
    );
  }
  const seen = new Set<string>();
  for (const { name, operation } of alterations) {
    if (operation === "UNSPECIFIED") {
      throw invalidRequest(
        `Cannot ${action}: what is to be done with ${JSON.stringify(name)} is not said (SET, DELETE, APPEND or SUBTRACT)`,
      );
    }
    if (seen.has(name)) {
      throw invalidRequest(`Cannot ${action}: ${JSON.stringify(name)} is altered twice`);
    }
    seen.add(name);
  }
}

/** As Kafka: what is there already is not added again, what is not there is taken out without a word. */
function alteredList(
  schema: ConfigSchema,
  action: string,
  { name, operation, value }: ConfigAlteration,
  current: string,
): string {
  const { rule } = definitionOf(schema, action, name, value);
  const { validValues } = rule;
  if (!rule.isList) {
    const fault = `is no list: it can be set, but has no elements to ${operation.toLowerCase()}`;
    throw invalidConfig(action, { name, value, validValues }, fault);
  }
  const named = value.split(",");
  const elements = current === "" ? [] : current.split(",");
  const next =
    operation === "APPEND"
      ? [...new Set([...elements, ...named])]
      : elements.filter((element) => !named.includes(element));
  if (next.length > 0) return next.join(",");
  throw invalidConfig(
    action,
    { name, value: "", validValues },
    `must keep an element: it is ${current}, and ${value} would leave nothing`,
  );
}

function invalidRequest(message: string): RopewalkError {
  return new RopewalkError("INVALID_REQUEST", message);
}
