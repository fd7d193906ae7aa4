import type { GroupKey } from "@ropewalk/log";
import type { Address, Clock, Logger, Network, Random } from "@ropewalk/runtime";
import type { Message } from "raft-ts";
import type { PeerBatch } from "raft-ts/multi";
import type { FrameConnection } from "./frame-connection.ts";
import type { PeerHello, PeerIdentity } from "./hello.ts";
import type { GroupMessage } from "./message-codec.ts";
import type { MessageFramePool } from "./message-frame.ts";
import type { Lane, PeerConfig } from "./peer-config.ts";
import type { PeerCounters } from "./peer-counters.ts";
import type { ReceiveBudget } from "./receive-budget.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { PeerMethod } from "./request-codec.ts";

/** What became of a snapshot message: it was handed to the system, or it certainly did not arrive. */
export type SnapshotOutcome = "finish" | "failure";

/** What the connections to all peers tell their owner. */
export interface PeerEvents {
  /** Where a broker is now; asked before every attempt. Undefined: not known, ask again later. */
  addressOf(brokerId: number): Address | undefined;
  /** Why this broker must have nothing to do with that one; undefined where it may. */
  verifyPeer(hello: PeerHello): string | undefined;
  /** A broker of a cluster that knows of this one by its id has connected to it, whether it may or not. */
  onMemberSeen?(brokerId: number, clusterId: string): void;
  /** Where a broker that connected to this one says that it is reached. */
  onAddressSaid?(brokerId: number, address: Address): void;
  /** Which cluster a broker says it belongs to, whether it may be used or not; empty: none yet. */
  onClusterSeen?(brokerId: number, clusterId: string): void;
  /**
   * Whether a broker that opened a connection is not the one of that name that this broker knows, for it has another
   * directory: its Raft messages are not taken, and its requests are a stranger's. Absent: there are none.
   */
  isStranger?(brokerId: number, directoryId: string): boolean;
  /**
   * Whether such a broker is the newer one: it was taken in by an entry of the metadata that this broker does not know of
   * yet. Its Raft messages are taken: they may be all that tells of that entry. Absent: never.
   */
  isNewer?(enteredIndex: number | undefined): boolean;
  /** A newer broker has connected under the name of one that this broker knows. */
  onNewerSeen?(brokerId: number): void;
  /**
   * Messages of one read, in the order they were sent, and batches of heartbeats, likewise. They and their data are the owner's. The frames
   * they came in count against the receive budget until this returns or its promise settles.
   */
  onRaftMessages(
    from: number,
    messages: readonly GroupMessage[],
    batches: readonly PeerBatch[],
  ): void | Promise<void>;
  /**
   * A request of a peer. `body` is the owner's; the answer must not change afterwards. A RopewalkError
   * is sent back as it is, any other error as UNKNOWN_SERVER_ERROR and logged.
   */
  onRequest(
    from: number,
    method: PeerMethod,
    body: Uint8Array,
    isStranger: boolean,
  ): Promise<Uint8Array>;
  /**
   * Messages to this peer were lost, or it cannot be reached. Runs in a turn of its own, once for all
   * that one turn lost, and again with every attempt to connect that fails.
   */
  onUnreachable(peerId: number): void;
  /**
   * The process of a peer that was heard before is gone, as the system of its host shows: every connection with it is over,
   * and nobody listens at its address. Runs in a turn of its own, and again with every attempt to connect. That a host
   * is gone does not show in this way: only its silence does.
   */
  onProcessEnded?(peerId: number): void;
  /**
   * The fate of a MsgSnap; runs in a turn of its own, once for each that was given to `send`. Raft sends
   * nothing to its target before it is told: `RawNode.reportSnapshot`.
   */
  onSnapshotStatus?(
    peerId: number,
    group: GroupKey,
    message: Message,
    outcome: SnapshotOutcome,
  ): void;
}

/** What every part of the transport needs. */
export interface PeerContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly logger: Logger;
  readonly config: PeerConfig;
  readonly events: PeerEvents;
  readonly counters: PeerCounters;
  readonly budgets: Readonly<Record<Lane, ReceiveBudget>>;
  /** For connections that others opened and whose peer is not known yet. */
  readonly greetingBudget: ReceiveBudget;
  readonly frames: MessageFramePool;
  readonly refusals: RefusalLog;
  /** Where peers reach this broker; absent: it does not say so. */
  readonly address: Address | undefined;
  /** This broker, as of now. */
  identity(): PeerIdentity;
  /** Notes that something arrived from a peer. */
  heard(peerId: number, nowMs: number): void;
  /** Has `tick` called on a connection until it is unwatched. */
  watch(connection: FrameConnection, isGreeting: () => boolean): void;
  unwatch(connection: FrameConnection): void;
}
