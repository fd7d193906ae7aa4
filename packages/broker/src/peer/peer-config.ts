import assert from "node:assert/strict";

/**
 * The three connections to one peer. They keep what must not wait apart from what is large:
 * "control" carries heartbeats, votes, answers and small requests; "append" the log, in order;
 * "bulk" snapshots and large requests.
 */
export type Lane = "control" | "append" | "bulk";

/** Every lane, in the order of their numbers on the wire. */
export const lanes: readonly Lane[] = ["control", "append", "bulk"];

/** One number of bytes for each lane. */
export type LaneBytes = Readonly<Record<Lane, number>>;

/** Versions of the frames, both included. */
export interface PeerVersions {
  readonly min: number;
  readonly max: number;
}

/**
 * The versions of the frames that this code speaks. Of version 2 are the refused values and valid ranges of errors
 * ({@link errorValuesVersion}).
 */
export const spokenPeerVersions: PeerVersions = { min: 1, max: 2 };

/** From this version on errors in answers say which value was refused, and what would have been possible. */
export const errorValuesVersion = 2;

/** Bounds and pace of the connections between brokers; `frameBytesMax` must be the same on all. */
export interface PeerConfig {
  /** The versions of the frames that it says it speaks: the newest that both sides do is used. */
  readonly versions: PeerVersions;
  /** Largest payload of one frame, in either direction; a larger one closes the connection. */
  readonly frameBytesMax: number;
  /** A frame of messages this large is closed and the next one begun. */
  readonly frameBytesTarget: number;
  /**
   * Checksum long entries on the append lane, beside what is always checksummed. Off by default:
   * record batches carry a checksum that was made by the client and is checked by the follower.
   */
  readonly appendChecksums: boolean;
  /** Bytes that wait to be handed to the system, per peer and lane; messages beyond are dropped. */
  readonly queueBytesMax: LaneBytes;
  /** Bytes of frames that arrived, or are arriving, and are not handled yet: all peers together. */
  readonly receiveBytesMax: LaneBytes;
  /** Connections that have not said hello yet; more are closed at once. */
  readonly greetingCountMax: number;
  readonly connectTimeoutMs: number;
  /** From a connection to the end of its handshake. */
  readonly greetingTimeoutMs: number;
  /** The first and the longest wait between two attempts to connect. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** The wait after a peer refused this broker. */
  readonly refusedRetryMs: number;
  /** A side that sent nothing for so long says that it is alive. */
  readonly beatIntervalMs: number;
  /** A connection on which nothing arrived for so long is closed. */
  readonly silenceMsMax: number;
  /** Requests to one peer and lane that are not answered yet. */
  readonly requestCountMax: number;
  /** Request bodies above this size take the bulk lane. */
  readonly controlRequestBytesMax: number;
  /** Requests of one connection that are being handled, and their bodies; more is answered BUSY. */
  readonly handledCountMax: number;
  readonly handledBytesMax: number;
  /** Answers of one connection that wait to be handed to the system. */
  readonly answerBytesMax: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Largest payload of one frame between brokers. */
export const peerFrameBytesMax: number = 16 * mebibyte + 64 * kibibyte;

/** How much may wait on each lane to one peer, where the log may have so much. */
export function peerQueues(appendBytesMax: number): LaneBytes {
  return { control: appendBytesMax / 8, append: appendBytesMax, bulk: appendBytesMax };
}

/** What holds unless the owner says otherwise. */
const defaultPeerConfig: PeerConfig = {
  versions: spokenPeerVersions,
  frameBytesMax: peerFrameBytesMax,
  frameBytesTarget: mebibyte,
  appendChecksums: false,
  queueBytesMax: peerQueues(64 * mebibyte),
  receiveBytesMax: { control: 32 * mebibyte, append: 128 * mebibyte, bulk: 64 * mebibyte },
  greetingCountMax: 64,
  connectTimeoutMs: 2_000,
  greetingTimeoutMs: 5_000,
  retryMsMin: 20,
  retryMsMax: 1_000,
  refusedRetryMs: 2_000,
  beatIntervalMs: 500,
  silenceMsMax: 5_000,
  requestCountMax: 1_024,
  controlRequestBytesMax: 64 * kibibyte,
  handledCountMax: 256,
  handledBytesMax: 32 * mebibyte,
  answerBytesMax: 32 * mebibyte,
};

/** The defaults with `config` over them. Throws where the numbers contradict each other. */
export function peerConfigWith(config: Partial<PeerConfig>): PeerConfig {
  const whole = { ...defaultPeerConfig, ...config };
  assert(whole.frameBytesTarget <= whole.frameBytesMax, "frameBytesTarget exceeds frameBytesMax");
  assert(whole.retryMsMin <= whole.retryMsMax, "retryMsMin exceeds retryMsMax");
  assert(
    whole.beatIntervalMs * 2 <= whole.silenceMsMax,
    "silenceMsMax leaves no room for a lost beat",
  );
  return whole;
}
