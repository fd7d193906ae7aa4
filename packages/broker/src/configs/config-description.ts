import type { ConfigSource, ConfigSupport, ConfigType } from "@ropewalk/protocol";
import type { ConfigDefinition, ConfigSchema } from "./config-schema.ts";

/** A config of a resource as it is; see `ropewalk.v1.ConfigDescription`. */
export interface ConfigView {
  readonly name: string;
  /** `undefined` where the config is not supported. */
  readonly value: string | undefined;
  readonly source: ConfigSource;
  readonly readOnly: boolean;
  readonly defaultValue: string | undefined;
  readonly type: ConfigType;
  readonly documentation: string;
  readonly support: ConfigSupport;
  readonly validValues: string;
}

/** The values that have been set, the nearest first: a resource's own, then the cluster's. */
export interface ConfigLayers {
  readonly own: ReadonlyMap<string, string>;
  /** Where the resource's own values come from. */
  readonly ownSource: ConfigSource;
  /** The cluster's defaults, by their own names; empty where the resource is the cluster. */
  readonly cluster: ReadonlyMap<string, string>;
}

/** Everything that can be set, and what it is now, in the order of names. */
export function describeConfigs(schema: ConfigSchema, layers: ConfigLayers): ConfigView[] {
  return inOrder([...schema.definitions.values()].map((each) => describe(each, layers)));
}

/** What is known and not supported, in the order of names. */
export function describeUnsupported({ unsupported }: ConfigSchema): ConfigView[] {
  const views = [...unsupported].map(([name, reason]) => ({
    name,
    value: undefined,
    source: "UNSPECIFIED" as const,
    readOnly: true,
    defaultValue: undefined,
    type: "UNSPECIFIED" as const,
    documentation: `not supported: ${reason}`,
    support: "UNSUPPORTED" as const,
    validValues: "",
  }));
  return inOrder(views);
}

/** What a broker was started with: it can be read here and set elsewhere. */
export function describeStatic(name: string, value: string, documentation: string): ConfigView {
  return {
    name,
    value,
    source: "STATIC_BROKER",
    readOnly: true,
    defaultValue: undefined,
    type: "STRING",
    documentation,
    support: "SUPPORTED",
    validValues: "",
  };
}

/** Views in the order of their names. */
export function inOrder(views: readonly ConfigView[]): ConfigView[] {
  return views.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a config is unless the resource has a value of its own. */
export function inheritedValue(
  { clusterName, defaultValue }: ConfigDefinition,
  cluster: ReadonlyMap<string, string>,
): string {
  return (clusterName === undefined ? undefined : cluster.get(clusterName)) ?? defaultValue;
}

function describe(definition: ConfigDefinition, layers: ConfigLayers): ConfigView {
  const { clusterName, documentation, name, rule, support } = definition;
  const own = layers.own.get(name);
  const isCluster = clusterName !== undefined && layers.cluster.has(clusterName);
  const defaultValue = inheritedValue(definition, layers.cluster);
  const inheritedSource = isCluster ? "CLUSTER" : "DEFAULT";
  return {
    name,
    value: own ?? defaultValue,
    source: own === undefined ? inheritedSource : layers.ownSource,
    readOnly: false,
    defaultValue,
    type: rule.type,
    documentation,
    support,
    validValues: rule.validValues,
  };
}
