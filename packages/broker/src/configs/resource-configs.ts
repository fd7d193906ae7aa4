import { RopewalkError } from "@ropewalk/protocol";
import type { MetadataImage, TopicImage } from "../controller/metadata-image.ts";
import {
  brokerConfigSchema,
  type BuiltInDefaults,
  clusterConfigSchema,
} from "./broker-config-schema.ts";
import {
  type ConfigLayers,
  type ConfigView,
  describeConfigs,
  describeStatic,
  describeUnsupported,
  inOrder,
} from "./config-description.ts";
import { type ConfigResource, resourceText } from "./config-resource.ts";
import type { ConfigSchema } from "./config-schema.ts";
import { topicConfigSchema, type TopicTraits } from "./topic-config-schema.ts";

/** The configs of one resource: what can be set, what is set, and what cannot be changed here. */
export interface ResourceConfigs {
  readonly schema: ConfigSchema;
  readonly layers: ConfigLayers;
  readonly statics: readonly ConfigView[];
}

const none: ReadonlyMap<string, string> = new Map();

/** Looks a resource up in the image. Throws UNKNOWN_TOPIC_OR_PARTITION or INVALID_REQUEST where it is not there. */
export function resourceConfigs(
  image: MetadataImage,
  resource: ConfigResource,
  defaults: BuiltInDefaults,
): ResourceConfigs {
  const cluster = image.clusterConfigs;
  switch (resource.kind) {
    case "topic": {
      const topic = configuredTopic(image, resource);
      const schema = topicConfigSchema(topicTraits(topic, defaults));
      return { schema, layers: { own: topic.configs, ownSource: "TOPIC", cluster }, statics: [] };
    }
    case "broker": {
      const own = image.configsOf(resource.brokerId);
      const statics = staticConfigs(image, resource.brokerId);
      const schema = brokerConfigSchema(defaults);
      return { schema, layers: { own, ownSource: "BROKER", cluster }, statics };
    }
    case "cluster":
      return {
        schema: clusterConfigSchema(defaults),
        layers: { own: cluster, ownSource: "CLUSTER", cluster: none },
        statics: [],
      };
  }
}

/** All configs of a resource, those that are not supported last where they are wanted. */
export function describeResource(
  { layers, schema, statics }: ResourceConfigs,
  includeUnsupported: boolean,
): ConfigView[] {
  const views = [...describeConfigs(schema, layers), ...statics];
  if (!includeUnsupported) return inOrder(views);
  // What a broker was started with is told, and cannot be altered all the same.
  const told = new Set(statics.map(({ name }) => name));
  const others = describeUnsupported(schema).filter(({ name }) => !told.has(name));
  return inOrder([...views, ...others]);
}

/** What the configs of a topic depend on. */
function topicTraits(
  { partitions }: Pick<TopicImage, "partitions">,
  { batchBytesMax }: Pick<BuiltInDefaults, "batchBytesMax">,
): TopicTraits {
  return { replicationFactor: partitions[0]?.replicaIds.length ?? 1, batchBytesMax };
}

/** The topic, or UNKNOWN_TOPIC_OR_PARTITION. */
export function configuredTopic(
  image: MetadataImage,
  resource: Extract<ConfigResource, { kind: "topic" }>,
): TopicImage {
  const topic = image.topics.get(resource.name);
  if (topic !== undefined) return topic;
  throw unknownResource(resource);
}

/** The error of a topic that is not there (any more). */
export function unknownResource(resource: ConfigResource): RopewalkError {
  return new RopewalkError(
    "UNKNOWN_TOPIC_OR_PARTITION",
    `Cannot find configs of ${resourceText(resource)}: it does not exist`,
  );
}

function staticConfigs(image: MetadataImage, brokerId: number): ConfigView[] {
  const broker = image.brokers.get(brokerId);
  if (broker === undefined) {
    const known = [...image.brokers.keys()].toSorted((a, b) => a - b).join(", ");
    throw new RopewalkError(
      "INVALID_REQUEST",
      `Cannot find configs of broker ${brokerId}: the cluster has the brokers ${known}`,
    );
  }
  const { host, port } = broker.client;
  return [
    describeStatic("broker.id", String(brokerId), "the broker's id, kept for its life"),
    describeStatic("broker.rack", broker.rack, "the broker's failure domain; empty: none"),
    describeStatic("advertised.listeners", `${host}:${port}`, "where clients reach the broker"),
  ];
}

/** A number that a broker has been told, alone or with the others, or what it does otherwise. */
export function brokerNumber(
  image: MetadataImage,
  brokerId: number,
  name: string,
  fallback: number,
): number {
  const value = image.configsOf(brokerId).get(name) ?? image.clusterConfigs.get(name);
  return value === undefined ? fallback : Number(value);
}
