import {
  type AlterConfigsRequestInit,
  type ConfigDescription,
  configService,
  type DescribeConfigsRequestInit,
} from "@ropewalk/protocol";
import type { CallOptions, ClusterConnection } from "./cluster-connection.ts";
import { followPages } from "./follow-pages.ts";

/** What has configs: a topic, a broker alone, or the cluster, whose configs are the defaults of both. */
export type ConfigResource =
  | { readonly kind: "topic"; readonly name: string }
  | { readonly kind: "broker"; readonly brokerId: number }
  | { readonly kind: "cluster" };

/** One step of an alteration; APPEND and SUBTRACT are for lists, DELETE goes back to the default (KIP-339). */
export type ConfigAlteration =
  | {
      readonly operation: "SET" | "APPEND" | "SUBTRACT";
      readonly name: string;
      readonly value: string;
    }
  | { readonly operation: "DELETE"; readonly name: string };

/** Which configs are described. */
export interface ConfigQuestion {
  /** Only these, also where they are not supported; none: all that are. */
  readonly names?: readonly string[];
  /** Those of Kafka's that are not supported, too, with the reason. */
  readonly includeUnsupported?: boolean;
}

/** A resource as messages say it: "topic orders". */
export function resourceText(resource: ConfigResource): string {
  switch (resource.kind) {
    case "topic":
      return `topic ${resource.name}`;
    case "broker":
      return `broker ${resource.brokerId}`;
    case "cluster":
      return "the cluster";
  }
}

/** Configs of a resource in the order of names, from all pages. Rejects as `ClusterConnection.call`. */
export async function describeConfigs(
  cluster: ClusterConnection,
  resource: ConfigResource,
  { includeUnsupported = false, names = [] }: ConfigQuestion,
  options: CallOptions,
): Promise<ConfigDescription[]> {
  const configs: ConfigDescription[] = [];
  await followPages(async (pageToken) => {
    const request = { ...resourceName(resource), names, includeUnsupported, pageToken };
    const page = await cluster.call(configService.describeConfigs, request, options);
    configs.push(...page.configs);
    return page.nextPageToken;
  });
  return configs;
}

/** Makes the alterations, all or none, or checks them only; resolves with what the named configs are then. */
export async function alterConfigs(
  cluster: ClusterConnection,
  resource: ConfigResource,
  alterations: readonly ConfigAlteration[],
  validateOnly: boolean,
  options: CallOptions,
): Promise<ConfigDescription[]> {
  const request = { ...resourceName(resource), alterations, validateOnly };
  const { configs } = await cluster.call(configService.alterConfigs, request, options);
  return [...configs];
}

function resourceName(
  resource: ConfigResource,
): Pick<AlterConfigsRequestInit & DescribeConfigsRequestInit, "resourceType" | "resourceName"> {
  switch (resource.kind) {
    case "topic":
      return { resourceType: "TOPIC", resourceName: resource.name };
    case "broker":
      return { resourceType: "BROKER", resourceName: String(resource.brokerId) };
    case "cluster":
      return { resourceType: "CLUSTER", resourceName: "" };
  }
}
