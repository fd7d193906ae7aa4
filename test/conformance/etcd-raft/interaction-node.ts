import type { Entry, Message, RaftEvent, Ready, Snapshot } from "raft-ts";
import { decodeConfChange, MemoryStorage, RawNode } from "raft-ts";
import type { NodeSetup } from "./node-setup.ts";

/** A storage whose newest snapshot is always the state as of the last applied entry. */
class AppenderStorage extends MemoryStorage {
  latest: Snapshot | undefined;

  override snapshot(): Snapshot | "unavailable" {
    return this.latest ?? super.snapshot();
  }
}

/** A node whose state machine appends the payloads of its entries to one long string. */
export class InteractionNode {
  readonly storage: AppenderStorage;
  readonly rawNode: RawNode;
  readonly setup: NodeSetup;
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];

  constructor(id: number, setup: NodeSetup, onEvent: (event: RaftEvent) => void) {
    this.setup = setup;
    this.storage = new AppenderStorage();
    if (setup.confState !== undefined) {
      const data = Buffer.from(setup.content);
      const snapshot = { index: setup.index, term: 1, confState: setup.confState, data };
      this.storage.applySnapshot(snapshot);
      this.storage.setHardState({ term: 0, vote: 0, commit: setup.index });
      this.storage.latest = snapshot;
    }
    this.rawNode = new RawNode({
      id,
      storage: this.storage,
      random: () => 0,
      electionTick: 3,
      heartbeatTick: 1,
      applied: setup.confState === undefined ? 0 : setup.index,
      asyncStorageWrites: setup.asyncStorageWrites,
      maxSizePerMsg: Infinity,
      maxCommittedSizePerReady: setup.maxCommittedSizePerReady,
      maxUncommittedEntriesSize: Infinity,
      maxInflightMsgs: setup.maxInflightMsgs,
      maxInflightBytes: Infinity,
      checkQuorum: setup.checkQuorum,
      preVote: setup.preVote,
      readOnlyOption: setup.readOnlyOption,
      disableConfChangeValidation: setup.disableConfChangeValidation,
      stepDownOnRemoval: setup.stepDownOnRemoval,
      onEvent,
    });
  }

  /** Does the work of a Ready in the order of its contract. */
  process(ready: Ready): void {
    this.write(ready.hardState, ready.entries, ready.snapshot);
    this.apply(ready.committedEntries);
  }

  /** Does the work of one MsgStorageAppend. */
  processAppend(message: Message): void {
    const isUnchanged = message.term === 0 && message.vote === 0 && message.commit === 0;
    const { term, vote, commit } = message;
    this.write(isUnchanged ? undefined : { term, vote, commit }, message.entries, message.snapshot);
  }

  write(hardState: Ready["hardState"], entries: readonly Entry[], snapshot?: Snapshot): void {
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot !== undefined) {
      this.storage.applySnapshot(snapshot);
      this.storage.latest = snapshot;
    }
    this.storage.append(entries);
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.type !== "normal") {
        this.storage.setConfState(this.rawNode.applyConfChange(decodeConfChange(entry)));
      }
      const previous = this.storage.latest?.data ?? Buffer.alloc(0);
      const update = entry.type === "normal" ? entry.data : Buffer.alloc(0);
      this.storage.latest = {
        index: entry.index,
        term: entry.term,
        confState: this.rawNode.confState,
        data: Buffer.concat([previous, update]),
      };
    }
  }
}
