import type { MetadataImage, TopicImage } from "./metadata-image.ts";
import { type TopicConfig, topicConfig } from "./topic-config.ts";

/** The part of the metadata that configs are looked up in. */
export type ConfiguringImage = Pick<MetadataImage, "clusterConfigs" | "topics">;

/** The part of a topic that its configs depend on. */
export type ConfiguredTopicImage = Pick<TopicImage, "configs" | "internal" | "name" | "topicId">;

interface KnownConfig {
  readonly internal: boolean;
  readonly config: TopicConfig;
}

/**
 * What the configs of topics mean by the metadata as it is now, found out once for all partitions of a topic, which share
 * the answer. Configs are replaced and never changed in place, so the map that holds them says which they are.
 */
export class TopicConfigCache {
  readonly #image: ConfiguringImage;
  readonly #batchBytesMaxDefault: number;
  #cluster: ReadonlyMap<string, string> | undefined;
  #known = new WeakMap<ReadonlyMap<string, string>, KnownConfig>();

  constructor(image: ConfiguringImage, batchBytesMaxDefault: number) {
    this.#image = image;
    this.#batchBytesMaxDefault = batchBytesMaxDefault;
  }

  /** As `topicConfig` says: of the topic as it is now, or as it was when it is gone. */
  configOf(topic: ConfiguredTopicImage): TopicConfig {
    const { clusterConfigs, topics } = this.#image;
    const known = topics.get(topic.name);
    const current = known?.topicId === topic.topicId ? known : topic;
    if (clusterConfigs !== this.#cluster) {
      this.#cluster = clusterConfigs;
      this.#known = new WeakMap();
    }
    return this.#shared(current, clusterConfigs);
  }

  #shared(topic: ConfiguredTopicImage, cluster: ReadonlyMap<string, string>): TopicConfig {
    const { configs, internal } = topic;
    const shared = this.#known.get(configs);
    if (shared?.internal === internal) return shared.config;
    const config = topicConfig(topic, this.#batchBytesMaxDefault, cluster);
    this.#known.set(configs, { internal, config });
    return config;
  }
}
