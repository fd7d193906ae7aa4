import { peerService } from "@ropewalk/protocol";
import type { Clock } from "@ropewalk/runtime";
import type { ControllerClient } from "./controller/controller-client.ts";
import { topicOf } from "./controller/metadata-codec.ts";
import type { TopicImage } from "./controller/metadata-image.ts";
import type { ImageView } from "./image-view.ts";
import type { ChangeOptions, NewTopic, Principal, TopicAdmin, TopicView } from "./ports.ts";

/** What changing topics needs. */
export interface ForwardedTopicsOptions {
  readonly controller: ControllerClient;
  readonly view: ImageView;
  readonly clock: Clock;
}

const topicLedMs = 3000;
const topicLedPollMs = 5;
/** Of the time that a client gives a change, so much may pass until what was made can be used. */
const shareOfPatience = 0.5;

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
    await this.#options.controller.call(peerService.removeTopic, { name }, timeoutMs);
  }

  async #made(
    topic: TopicImage,
    isImagined: boolean,
    timeoutMs: number | undefined,
  ): Promise<TopicView> {
    if (!isImagined) await this.#untilLed(topic, timeoutMs);
    return this.#options.view.viewTopic(topic);
  }

  /** Waits a while for the topic to be known here and its leaders to be chosen, so that it can be used at once. */
  async #untilLed(
    { name, partitions, topicId }: TopicImage,
    timeoutMs: number = topicLedMs,
  ): Promise<void> {
    const { clock, view } = this.#options;
    // Whoever waits gets the answer: what was asked for is done.
    const patienceMs = Math.min(topicLedMs, timeoutMs * shareOfPatience);
    const endMs = clock.monotonicMs() + patienceMs;
    const isLed = (): boolean => {
      const topic = view.topic(name);
      if (topic?.topicId !== topicId || topic.partitions.length < partitions.length) return false;
      return topic.partitions.every(({ leaderId }) => leaderId !== 0);
    };
    while (!isLed() && clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => void clock.setTimer(topicLedPollMs, resolve));
    }
  }
}
