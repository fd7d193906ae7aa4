export { RaftInvariantError } from "./assert.ts";
export { decodeConfChange, encodeConfChange, LEAVE_JOINT } from "./conf-change.ts";
export type {
  ConfChange,
  ConfChangeStep,
  ConfChangeStepType,
  ConfChangeTransition,
} from "./conf-change.ts";
export type { ConfChangeFault } from "./confchange/changer.ts";
export { EMPTY_CONF_STATE } from "./conf-state.ts";
export type { ConfState } from "./conf-state.ts";
export type { Config, ReadOnlyOption } from "./config.ts";
export { ENTRY_OVERHEAD_BYTES, entriesBytes, entryBytes, NO_DATA } from "./entry.ts";
export type { Entry, EntryId, EntryType } from "./entry.ts";
export type {
  CampaignRefusal,
  ConfChangeRefusal,
  ProposalRefusal,
  RaftEvent,
  RaftEventListener,
} from "./event.ts";
export { EMPTY_HARD_STATE } from "./hard-state.ts";
export type { HardState } from "./hard-state.ts";
export { MemoryStorage } from "./memory-storage.ts";
export { APPEND_THREAD, APPLY_THREAD, CONTEXT_TRANSFER, createMessage } from "./message.ts";
export type { Message, MessageDraft, MessageType } from "./message.ts";
export type { ProposeOutcome } from "./proposal.ts";
export { RawNode } from "./raw-node.ts";
export type { ReadState } from "./read-only.ts";
export type { Ready, SoftState } from "./ready.ts";
export type { Snapshot } from "./snapshot.ts";
export type { ProgressStatus, Role, Status } from "./status.ts";
export type { StepOutcome } from "./step-outcome.ts";
export type { Storage } from "./storage.ts";
export { storageConformanceCases } from "./storage-conformance.ts";
export type { StorageConformanceCase, StorageUnderTest } from "./storage-conformance.ts";
export type { ProgressState } from "./tracker/progress.ts";
