import { type ConfigDescription, configService } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { BuiltInDefaults } from "../configs/broker-config-schema.ts";
import { toResource, toResourceName } from "../configs/config-resource.ts";
import { describeResource, resourceConfigs } from "../configs/resource-configs.ts";
import type { BrokerLimits } from "../config.ts";
import { ConfigController } from "../controller/config-controller.ts";
import type { ControllerClient } from "../controller/controller-client.ts";
import type { MetadataProposer } from "../controller/metadata-proposer.ts";
import type { MetadataImage } from "../controller/metadata-image.ts";
import { expectJoined } from "../membership/joined.ts";
import { untilShown } from "./own-image-wait.ts";
import type {
  ChangeOptions,
  ConfigAdmin,
  ConfigAlteration,
  ConfigResource,
  ConfigView,
  Principal,
} from "../ports.ts";
import type { RemoteCaller } from "../remote-caller.ts";

/** What answering needs. */
export interface ForwardedConfigsOptions {
  readonly image: MetadataImage;
  readonly defaults: BuiltInDefaults;
  readonly controller: ControllerClient;
  readonly isReady: () => boolean;
  readonly clock: Clock;
}

/** Answers questions from this broker's image, and has the controller make changes. */
export class ForwardedConfigs implements ConfigAdmin {
  readonly #options: ForwardedConfigsOptions;

  constructor(options: ForwardedConfigsOptions) {
    this.#options = options;
  }

  describeConfigs(
    _principal: Principal,
    resource: ConfigResource,
    includeUnsupported: boolean,
  ): readonly ConfigView[] {
    const { defaults, image } = this.#options;
    expectJoined(this.#options);
    return describeResource(resourceConfigs(image, resource, defaults), includeUnsupported);
  }

  async alterConfigs(
    _principal: Principal,
    resource: ConfigResource,
    alterations: readonly ConfigAlteration[],
    { timeoutMs, validateOnly = false }: ChangeOptions = {},
  ): Promise<readonly ConfigView[]> {
    const request = { ...toResourceName(resource), alterations, validateOnly };
    const { controller } = this.#options;
    const { configs } = await controller.call(configService.alterConfigs, request, timeoutMs);
    const views = configs.map((description) => viewOf(description));
    const { image } = this.#options;
    const shows = (): boolean => isShown(image, resource, views);
    if (!validateOnly) await untilShown(this.#options, timeoutMs, shows);
    return views;
  }
}

/** What the configs of a broker need. */
export interface ConfigsOptions {
  readonly clock: Clock;
  readonly isReady: () => boolean;
  readonly limits: BrokerLimits;
  /** Brokers that were to form the cluster. */
  readonly bootstrapCount: number;
  readonly caller: RemoteCaller;
  readonly controller: ControllerClient;
  readonly metadata: MetadataProposer;
}

/** The configs as this broker answers them, which alters them for others while it is the controller. */
export function openConfigs(options: ConfigsOptions): ForwardedConfigs {
  const { bootstrapCount, caller, clock, controller, isReady, limits, metadata } = options;
  const defaultReplicationFactor = Math.min(limits.defaultReplicationFactor, bootstrapCount);
  const defaults = { ...limits, defaultReplicationFactor };
  const altering = new ConfigController(metadata, defaults);
  caller.handle(configService.alterConfigs, async (request) => ({
    configs: await altering.alter(toResource(request), request.alterations, request),
  }));
  return new ForwardedConfigs({ image: metadata.image, defaults, controller, isReady, clock });
}

/** Whether the image has the values; not so where they were changed again meanwhile, or their topic is gone. */
function isShown(
  image: MetadataImage,
  resource: ConfigResource,
  views: readonly ConfigView[],
): boolean {
  const own = ownConfigs(image, resource);
  const ownSource = toResourceName(resource).resourceType;
  return views.every(({ name, source, value }) =>
    source === ownSource ? own?.get(name) === value : own?.has(name) !== true,
  );
}

function ownConfigs(
  image: MetadataImage,
  resource: ConfigResource,
): ReadonlyMap<string, string> | undefined {
  switch (resource.kind) {
    case "topic":
      return image.topics.get(resource.name)?.configs;
    case "broker":
      return image.configsOf(resource.brokerId);
    case "cluster":
      return image.clusterConfigs;
  }
}

function viewOf(description: ConfigDescription): ConfigView {
  const { defaultValue, value } = description;
  return { ...description, value, defaultValue };
}
