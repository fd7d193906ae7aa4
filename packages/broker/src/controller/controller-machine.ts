import type { LogEntry } from "@ropewalk/log";
import type { KeyValueChange, KeyValueStore, Logger } from "@ropewalk/runtime";
import { commandOf } from "../raft/command-entry.ts";
import type { StateImage } from "../raft/state-image.ts";
import type { Leadership, StateMachine } from "../raft/state-machine.ts";
import type { ConfState } from "raft-ts";
import { encodeBrokerState } from "./broker-codec.ts";
import {
  brokerConfigKey,
  brokerKey,
  clusterKey,
  decodeMetadataCommand,
  encodeBrokerConfigs,
  encodeClusterState,
  metadataState,
  encodeRemovedDirectory,
  encodeTopicState,
  removedDirectoryKey,
  restoreImage,
  topicKey,
} from "./metadata-codec.ts";
import { type ApplyOutcome, MetadataImage, type TopicImage } from "./metadata-image.ts";

/** Who acts on a new image. */
export interface ControllerMachineListener {
  /** A command was applied. */
  applied(outcome: ApplyOutcome): void;
  /** Who belongs to the group changed. */
  membershipChanged(): void;
  leadershipChanged(leadership: Leadership): void;
}

/**
 * The state machine of the controller's group: every broker runs it, and so has the cluster's metadata.
 * What it materializes is one key per broker and topic, and one for the rest.
 */
export class ControllerMachine implements StateMachine {
  readonly image: MetadataImage = new MetadataImage();
  readonly #logger: Logger;
  readonly #listener: ControllerMachineListener;
  readonly #changed = new Map<string, Uint8Array | undefined>();
  /** Names of topics that are other ones now; a large one may change often before that is written. */
  readonly #changedTopics = new Set<string>();
  readonly #store: KeyValueStore;
  #restoredIndex = 0;
  #appliedIndex = 0;
  #membership: ConfState | undefined;
  #lastOutcome: ApplyOutcome = { kind: "done" };

  constructor(store: KeyValueStore, logger: Logger, listener: ControllerMachineListener) {
    this.#logger = logger;
    this.#listener = listener;
    this.#store = store;
    this.restore();
  }

  /** Takes in what the store has now, in the place of what it had when the machine was made. */
  restore(): void {
    const { appliedIndex, membership } = restoreImage(this.image, this.#store);
    this.#restoredIndex = appliedIndex;
    this.#appliedIndex = appliedIndex;
    this.#membership = membership;
    this.#changed.clear();
    this.#changedTopics.clear();
  }

  get restoredIndex(): number {
    return this.#restoredIndex;
  }

  get restoredConfState(): ConfState | undefined {
    return this.#membership;
  }

  membershipChanged(confState: ConfState): void {
    this.#membership = confState;
    // It is written with the index of the entry that is applied next.
    this.#changed.set(clusterKey, undefined);
    this.#listener.membershipChanged();
  }

  /** What came of the command that was applied last. */
  get lastOutcome(): ApplyOutcome {
    return this.#lastOutcome;
  }

  apply(entry: LogEntry): void {
    this.#appliedIndex = entry.index;
    const bytes = commandOf(entry);
    if (bytes === undefined) return;
    const command = decodeMetadataCommand(bytes);
    if (command === undefined) {
      // A newer broker's command: nothing here knows what to do with it, on any replica of this version.
      this.#logger.warn("a metadata command of an unknown kind was passed over", {
        index: entry.index,
      });
      return;
    }
    this.#lastOutcome = this.image.apply(command, entry.index);
    this.#outcomeChanged(this.#lastOutcome);
    this.#listener.applied(this.#lastOutcome);
  }

  leadershipChanged(leadership: Leadership): void {
    this.#listener.leadershipChanged(leadership);
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  takeImage(): StateImage {
    return metadataState(this.image, this.#appliedIndex, this.#membership);
  }

  takeChanges(): readonly KeyValueChange[] {
    if (this.#changed.size + this.#changedTopics.size === 0) return [];
    for (const name of this.#changedTopics) {
      const topic = this.image.topics.get(name);
      this.#changed.set(topicKey(name), topic && encodeTopicState(topic));
    }
    this.#changedTopics.clear();
    const cluster = encodeClusterState(this.image, this.#appliedIndex, this.#membership);
    this.#changed.set(clusterKey, cluster);
    const changes = [...this.#changed].map(([key, value]) => ({ key, value }));
    this.#changed.clear();
    return changes;
  }

  #brokerChanged(brokerId: number): void {
    const broker = this.image.brokers.get(brokerId);
    if (broker !== undefined) this.#changed.set(brokerKey(brokerId), encodeBrokerState(broker));
  }

  #outcomeChanged(outcome: ApplyOutcome): void {
    if (outcome.kind === "brokerChanged") {
      this.#brokerChanged(outcome.brokerId);
    } else if (outcome.kind === "brokerRemoved") {
      const { brokerId, directoryId } = outcome.broker;
      this.#changed.set(brokerKey(brokerId), undefined);
      this.#changed.set(removedDirectoryKey(directoryId), encodeRemovedDirectory(outcome.removed));
      for (const id of outcome.forgottenIds) this.#changed.set(removedDirectoryKey(id), undefined);
    } else if (outcome.kind === "brokerConfigured") {
      const configs = this.image.brokerConfigs.get(outcome.brokerId);
      const value = configs && encodeBrokerConfigs(outcome.brokerId, configs);
      this.#changed.set(brokerConfigKey(outcome.brokerId), value);
    } else if (isTopicChange(outcome)) {
      this.#changedTopics.add(outcome.topic.name);
    } else if (outcome.kind === "partitionsReassigned") {
      for (const { topic } of outcome.changes) this.#changedTopics.add(topic.name);
    } else if (outcome.kind !== "refused") {
      // The cluster's own values changed: they are written with the applied index.
      this.#changed.set(clusterKey, undefined);
    }
  }
}

function isTopicChange(
  outcome: ApplyOutcome,
): outcome is Extract<ApplyOutcome, { topic: TopicImage }> {
  return "topic" in outcome;
}
