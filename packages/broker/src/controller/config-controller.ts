import { RopewalkError } from "@ropewalk/protocol";
import type { BuiltInDefaults } from "../configs/broker-config-schema.ts";
import {
  changedConfigs,
  type ConfigAlteration,
  type ConfigChange,
  configChange,
} from "../configs/config-alteration.ts";
import { type ConfigView, describeConfigs, inheritedValue } from "../configs/config-description.ts";
import { type ConfigResource, resourceText } from "../configs/config-resource.ts";
import {
  configuredTopic,
  type ResourceConfigs,
  resourceConfigs,
  unknownResource,
} from "../configs/resource-configs.ts";
import { Turns } from "../turns.ts";
import type { MetadataCommand } from "./metadata-command.ts";
import { clusterConfigsId } from "./metadata-image.ts";
import type { MetadataProposer } from "./metadata-proposer.ts";
import { checkLags } from "./topic-config.ts";

const none: ReadonlyMap<string, string> = new Map();

/** How configs are altered. */
export interface AlterOptions {
  /** Check only. */
  readonly validateOnly: boolean;
}

/**
 * Alters configs of topics, brokers and the cluster, one alteration after the other: each is checked against
 * what the one before left. It works at the controller; elsewhere it rejects with NOT_LEADER.
 */
export class ConfigController {
  readonly #metadata: MetadataProposer;
  readonly #defaults: BuiltInDefaults;
  readonly #turns = new Turns(1);

  constructor(metadata: MetadataProposer, defaults: BuiltInDefaults) {
    this.#metadata = metadata;
    this.#defaults = defaults;
  }

  /**
   * All of the alterations, or none. Resolves with the named configs as they are then, or would be. Rejects
   * with INVALID_CONFIG, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC for a topic of the
   * cluster's own, or as `MetadataProposer` does.
   */
  async alter(
    resource: ConfigResource,
    alterations: readonly ConfigAlteration[],
    { validateOnly }: AlterOptions,
  ): Promise<ConfigView[]> {
    await this.#turns.take();
    try {
      return await this.#alter(resource, alterations, validateOnly);
    } finally {
      this.#turns.giveBack();
    }
  }

  async #alter(
    resource: ConfigResource,
    alterations: readonly ConfigAlteration[],
    validateOnly: boolean,
  ): Promise<ConfigView[]> {
    const action = `alter configs of ${resourceText(resource)}`;
    this.#metadata.expectLeading(action);
    const configs = resourceConfigs(this.#metadata.image, resource, this.#defaults);
    const change = this.#check(action, resource, configs, alterations);
    const isChange = change.set.size > 0 || change.deleted.length > 0;
    if (isChange && !validateOnly) {
      const outcome = await this.#metadata.propose(action, this.#command(resource, change));
      if (outcome.kind === "refused") throw unknownResource(resource);
    }
    const own = changedConfigs(configs.layers.own, change);
    const names = new Set(alterations.map(({ name }) => name));
    return describeConfigs(configs.schema, { ...configs.layers, own }).filter(({ name }) =>
      names.has(name),
    );
  }

  #check(
    action: string,
    resource: ConfigResource,
    { layers, schema }: ResourceConfigs,
    alterations: readonly ConfigAlteration[],
  ): ConfigChange {
    const inherited = (name: string): string | undefined => {
      const definition = schema.definitions.get(name);
      return definition && inheritedValue(definition, layers.cluster);
    };
    const change = configChange(schema, action, alterations, layers.own, inherited);
    if (resource.kind === "topic") this.#checkTopic(action, resource, change);
    if (resource.kind === "cluster") checkLags(action, none, changedConfigs(layers.own, change));
    return change;
  }

  #checkTopic(
    action: string,
    resource: Extract<ConfigResource, { kind: "topic" }>,
    change: ConfigChange,
  ): void {
    const { image } = this.#metadata;
    const topic = configuredTopic(image, resource);
    if (topic.internal) {
      throw new RopewalkError("INVALID_TOPIC", `Cannot ${action}: it is the cluster's own`);
    }
    checkLags(action, changedConfigs(topic.configs, change), image.clusterConfigs);
  }

  #command(resource: ConfigResource, change: ConfigChange): MetadataCommand {
    switch (resource.kind) {
      case "topic": {
        const { topicId } = configuredTopic(this.#metadata.image, resource);
        return { kind: "topicConfigsAltered", topicId, ...change };
      }
      case "broker":
        return { kind: "brokerConfigsAltered", brokerId: resource.brokerId, ...change };
      case "cluster":
        return { kind: "brokerConfigsAltered", brokerId: clusterConfigsId, ...change };
    }
  }
}
