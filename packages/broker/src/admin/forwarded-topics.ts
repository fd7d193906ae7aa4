import { peerService } from "@ropewalk/protocol/internal";
import type { Clock } from "@ropewalk/runtime";
import type { ControllerClient } from "../controller/controller-client.ts";
import { topicOf } from "../controller/metadata-codec.ts";
import type { TopicImage } from "../controller/metadata-image.ts";
import type { ImageView } from "./image-view.ts";
import { untilShown } from "./own-image-wait.ts";
import type { ChangeOptions, NewTopic, Principal, TopicAdmin, TopicView } from "../ports.ts";

/** What changing topics needs. */
export interface ForwardedTopicsOptions {
  readonly controller: ControllerClient;
  readonly view: ImageView;
  readonly clock: Clock;
}

/** Has the controller change topics, and answers when what was made can be used. */
export class ForwardedTopics implements TopicAdmin {
  readonly #options: ForwardedTopicsOptions;

  constructor(options: ForwardedTopicsOptions) {
    this.#options = options;
  }

  async createTopic(
    _principal: Principal,
    topic: NewTopic,
    { timeoutMs, validateOnly = false }: ChangeOptions = {},
  ): Promise<TopicView> {
    const { controller } = this.#options;
    const request = { ...topic, validateOnly };
    const placed = await controller.call(peerService.placeTopic, request, timeoutMs);
    return this.#made(topicOf(placed.topic), validateOnly, timeoutMs);
  }

  async createPartitions(
    _principal: Principal,
    name: string,
    partitionCount: number,
    { timeoutMs, validateOnly = false }: ChangeOptions = {},
  ): Promise<TopicView> {
    const { controller } = this.#options;
    const request = { name, partitionCount, validateOnly };
    const grown = await controller.call(peerService.growTopic, request, timeoutMs);
    return this.#made(topicOf(grown.topic), validateOnly, timeoutMs);
  }

  async deleteTopic(
    _principal: Principal,
    name: string,
    { timeoutMs }: ChangeOptions = {},
  ): Promise<void> {
    const { controller, view } = this.#options;
    const known = view.topic(name)?.topicId;
    await controller.call(peerService.removeTopic, { name }, timeoutMs);
    await untilShown(this.#options, timeoutMs, () => {
      const topicId = view.topic(name)?.topicId;
      return topicId === undefined || topicId !== known;
    });
  }

  async #made(
    topic: TopicImage,
    isImagined: boolean,
    timeoutMs: number | undefined,
  ): Promise<TopicView> {
    const { view } = this.#options;
    if (!isImagined) await untilShown(this.#options, timeoutMs, () => view.isLed(topic));
    return view.viewTopic(topic);
  }
}
