export type { GroupHandle } from "./group-handle.ts";
export type { GroupKey } from "./group-key.ts";
export type { GroupConfig, MultiRaftOptions, PeerEvent } from "./multi-config.ts";
export type { MultiRaftCounters } from "./multi-counters.ts";
export { MultiRaft } from "./multi-raft.ts";
export type { ReceiveOutcome } from "./multi-raft.ts";
export type { PassSink } from "./pass-sink.ts";
export { BATCH_ITEMS_MAX } from "./peer-batch.ts";
export type { FullHeartbeat, FullHeartbeatResponse, PeerBatch } from "./peer-batch.ts";
