import type { Parsed } from "./parsed.ts";

/** What tells one broker of a set from the others, so that all of them can share their settings. */
export interface BrokerIdentity {
  readonly brokerId: number;
  readonly hostname: string;
}

/** The number at the end of a host name, as in `ropewalk-2`; `undefined` where there is none. */
export function hostnameOrdinal(hostname: string): number | undefined {
  // Only the first label counts: a fully qualified name ends in its domain.
  const digits = /-(\d{1,9})$/.exec(hostname.split(".", 1)[0] ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Replaces `{id}`, `{ordinal}` (the id minus one, as StatefulSets count) and `{hostname}`; any other
 * name in braces is a fault.
 */
export function expandPlaceholders(template: string, identity: BrokerIdentity): Parsed<string> {
  const values: Readonly<Record<string, string>> = {
    id: String(identity.brokerId),
    ordinal: String(identity.brokerId - 1),
    hostname: identity.hostname,
  };
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].find(
    ([, name = ""]) => !Object.hasOwn(values, name),
  );
  if (unknown !== undefined) {
    return { fault: `${unknown[0]} is not known; there are {id}, {ordinal} and {hostname}` };
  }
  return {
    value: template.replaceAll(/\{([^{}]*)\}/g, (_match, name: string) => values[name] ?? ""),
  };
}
