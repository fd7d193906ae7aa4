import type { Lane } from "./peer-config.ts";

/** What one lane did since the start, all peers together. Written by the transport, read by anyone. */
export interface LaneCounters {
  framesSent: number;
  bytesSent: number;
  messagesSent: number;
  framesReceived: number;
  bytesReceived: number;
  messagesReceived: number;
  /** Raft messages that were not sent: the queue was full, or the peer could not be reached. */
  messagesDropped: number;
  /** Connections that became ready to send, the first one of each peer included. */
  connects: number;
  /** Ready connections that were lost. */
  disconnects: number;
  /** Attempts to connect that failed, refusals included. */
  connectFailures: number;
  /** Times a peer, or this broker, refused the other. */
  refusals: number;
  /** Connections that were closed because of unusable bytes. */
  corruptions: number;
  requestsSent: number;
  requestsFailed: number;
  requestsHandled: number;
  /** Requests that were answered BUSY without being handled. */
  requestsRefused: number;
}

/** The counters of every lane. */
export type PeerCounters = Readonly<Record<Lane, LaneCounters>>;

/** Counters that stand at zero. */
export function newPeerCounters(): PeerCounters {
  return { control: newLaneCounters(), append: newLaneCounters(), bulk: newLaneCounters() };
}

function newLaneCounters(): LaneCounters {
  return {
    framesSent: 0,
    bytesSent: 0,
    messagesSent: 0,
    framesReceived: 0,
    bytesReceived: 0,
    messagesReceived: 0,
    messagesDropped: 0,
    connects: 0,
    disconnects: 0,
    connectFailures: 0,
    refusals: 0,
    corruptions: 0,
    requestsSent: 0,
    requestsFailed: 0,
    requestsHandled: 0,
    requestsRefused: 0,
  };
}
