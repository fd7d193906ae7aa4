import { expect, test } from "vitest";
import type { TopicImage } from "./metadata-image.ts";
import { TopicConfigCache } from "./topic-config-cache.ts";

const batchBytesMax = 1000;
const dayMs = 24 * 60 * 60 * 1000;
const none: ReadonlyMap<string, string> = new Map();

function topicWith(configs: ReadonlyMap<string, string>, internal: boolean = false): TopicImage {
  return { name: "orders", topicId: "a", internal, configs, partitions: [], incarnation: 1 };
}

/** Metadata with one topic, or none; what it holds may be changed. */
class Metadata {
  readonly topics = new Map<string, TopicImage>();
  clusterConfigs = none;
  readonly cache = new TopicConfigCache(this, batchBytesMax);
}

test("TopicConfigCache.configOf() answers the same object while neither the topic's nor the cluster's configs change", () => {
  const { cache, topics } = new Metadata();
  const topic = topicWith(new Map([["retention.ms", "5"]]));
  const config = cache.configOf(topic);
  expect(config).toMatchObject({ batchBytesMax, retentionMs: 5 });
  topics.set("orders", { ...topic, incarnation: 2 });
  expect(cache.configOf(topic)).toBe(config);
});

test("TopicConfigCache.configOf() follows the topic and the cluster", () => {
  const metadata = new Metadata();
  const { cache, topics } = metadata;
  const topic = topicWith(none);
  expect(cache.configOf(topic)).toMatchObject({
    retentionMs: 7 * dayMs,
    cleanup: { delete: true },
  });
  expect(cache.configOf(topicWith(none, true)).cleanup.delete).toBe(false);
  metadata.clusterConfigs = new Map([["log.retention.ms", "7"]]);
  expect(cache.configOf(topic).retentionMs).toBe(7);
  topics.set("orders", topicWith(new Map([["retention.ms", "9"]])));
  expect(cache.configOf(topic).retentionMs).toBe(9);
});

test("TopicConfigCache.configOf() does not take another topic of the same name for it", () => {
  const { cache, topics } = new Metadata();
  topics.set("orders", { ...topicWith(new Map([["retention.ms", "9"]])), topicId: "b" });
  expect(cache.configOf(topicWith(none)).retentionMs).toBe(7 * dayMs);
});
