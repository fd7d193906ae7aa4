import { decodeConfChange } from "../src/conf-change.ts";
import { APPEND_THREAD, APPLY_THREAD } from "../src/message.ts";
import type { Message } from "../src/message.ts";
import type { Ready } from "../src/ready.ts";
import type { GroupHandle } from "../src/multi/group-handle.ts";
import type { GroupKey } from "../src/multi/group-key.ts";
import type { MultiRaftOptions } from "../src/multi/multi-config.ts";
import { MultiRaft } from "../src/multi/multi-raft.ts";
import type { PeerBatch } from "../src/multi/peer-batch.ts";
import type { SimulatedObserver } from "./simulated-observer.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";

/** What travels between simulated processes. */
export type Packet =
  | {
      readonly kind: "batch";
      readonly from: number;
      readonly to: number;
      readonly batch: PeerBatch;
    }
  | {
      readonly kind: "message";
      readonly from: number;
      readonly to: number;
      readonly key: GroupKey;
      readonly message: Message;
    };

interface Write {
  readonly replica: SimulatedReplica;
  readonly message: Message;
}

/** What a process needs of its world. */
export interface SimulatedWorld {
  readonly observer: SimulatedObserver;
  readonly send: (packet: Packet) => void;
  /** Checks what is known of a replica, as often as it may have committed something. */
  readonly observe: (replica: SimulatedReplica) => void;
  readonly options: Omit<MultiRaftOptions, "nodeId" | "epoch">;
}

/** A process that drives its groups as a broker does: one gathered write per pass. */
export class SimulatedProcess {
  readonly id: number;
  readonly replicas: ReadonlyMap<number, SimulatedReplica>;
  multi: MultiRaft<SimulatedReplica> | undefined;
  /** Gathered writes that are under way, oldest first. */
  writes: Write[][] = [];
  #epoch = 0;
  readonly #world: SimulatedWorld;

  constructor(id: number, replicas: readonly SimulatedReplica[], world: SimulatedWorld) {
    this.id = id;
    this.replicas = new Map(replicas.map((replica) => [replica.group.key.groupId, replica]));
    this.#world = world;
    this.start();
  }

  start(): void {
    this.#epoch++;
    const options = { ...this.#world.options, nodeId: this.id, epoch: this.#epoch };
    this.multi = new MultiRaft(options);
    for (const replica of this.replicas.values()) {
      if (!replica.isClosed) this.#open(this.multi, replica);
    }
  }

  /** Takes a replica up again that was closed. */
  reopen(replica: SimulatedReplica): void {
    replica.isClosed = false;
    if (this.multi !== undefined && replica.handle === undefined) this.#open(this.multi, replica);
  }

  /** Gives a replica up, once nothing of it is under way. */
  close(replica: SimulatedReplica): void {
    replica.isClosed = true;
    replica.handle = undefined;
    this.multi?.remove(replica.group.key);
  }

  #open(multi: MultiRaft<SimulatedReplica>, replica: SimulatedReplica): void {
    const { storage, appliedIndex, random } = replica;
    const config = { storage, applied: appliedIndex, random, disableProposalForwarding: true };
    replica.handle = multi.add(replica.group.key, config, replica);
    replica.seenTerm = replica.handle.term;
    replica.seenCommitted = replica.handle.committed;
    replica.seenLeaderTerm = 0;
  }

  /** The process dies. Of the writes under way the oldest `keptCount` became durable unnoticed. */
  crash(keptCount: number): void {
    for (const writes of this.writes.slice(0, keptCount)) for (const each of writes) persist(each);
    this.writes = [];
    this.multi = undefined;
    for (const replica of this.replicas.values()) replica.handle = undefined;
  }

  receive(packet: Packet): void {
    if (packet.kind === "batch") this.multi?.receiveBatch(packet.batch);
    else this.multi?.receive(packet.key, packet.message);
    const replica = packet.kind === "batch" ? undefined : this.replicas.get(packet.key.groupId);
    if (replica !== undefined) this.#world.observe(replica);
  }

  pass(): void {
    const gathered: Write[] = [];
    this.multi?.pass({
      ready: (group, ready) => this.#collect(group, ready, gathered),
      batch: (batch) => {
        this.#world.send({ kind: "batch", from: this.id, to: batch.to, batch });
      },
    });
    if (gathered.length > 0) this.writes.push(gathered);
  }

  #collect(group: GroupHandle<SimulatedReplica>, ready: Ready, gathered: Write[]): void {
    const replica = group.owner;
    const { observer } = this.#world;
    observer.entriesWritten(replica, ready.entries);
    for (const read of ready.readStates) observer.readAnswered(read.context, read.index);
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) gathered.push({ replica, message });
      else if (message.to === APPLY_THREAD) this.#apply(replica, message);
      else this.#send(group.key, message);
    }
  }

  #apply(replica: SimulatedReplica, message: Message): void {
    for (const entry of message.entries) {
      this.#world.observer.entryApplied(replica, entry);
      if (entry.type !== "normal" && replica.handle !== undefined) {
        const conf = replica.handle.applyConfChange(decodeConfChange(entry));
        replica.storage.setConfState(conf);
        this.#world.observe(replica);
      }
      replica.appliedIndex = entry.index;
    }
    for (const response of message.responses) replica.handle?.step(response);
  }

  /** The oldest gathered write is durable: what waited for it leaves. */
  finishWrite(): void {
    for (const write of this.writes.shift() ?? []) {
      persist(write);
      for (const response of write.message.responses) {
        if (response.to === this.id) write.replica.handle?.step(response);
        else this.#send(write.replica.group.key, response);
      }
      this.#world.observe(write.replica);
    }
  }

  #send(key: GroupKey, message: Message): void {
    this.#world.send({ kind: "message", from: this.id, to: message.to, key, message });
  }
}

function persist(write: Write): void {
  const { message, replica } = write;
  const { term, vote, commit } = message;
  if (term !== 0 || vote !== 0 || commit !== 0)
    replica.storage.setHardState({ term, vote, commit });
  replica.storage.append(message.entries);
}
