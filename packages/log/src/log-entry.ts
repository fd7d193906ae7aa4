/** Names a Raft group for ever: an id that is never given twice, and the incarnation it was created in. */
export interface GroupKey {
  readonly groupId: number;
  readonly incarnation: number;
}

/** What Raft must not forget besides its log; a vote of 0 is none. */
export interface HardState {
  readonly term: number;
  readonly vote: number;
  readonly commit: number;
}

/** One entry of a group's log. `data` is shared with the store's cache: nobody changes it. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly type: "normal" | "confChange" | "confChangeV2";
  readonly data: Uint8Array;
}

/** The hard state of a group that has not written any. */
export const emptyHardState: HardState = { term: 0, vote: 0, commit: 0 };

/** A key as a map's key and in messages. */
export function groupName(key: GroupKey): string {
  return `${key.groupId}.${key.incarnation}`;
}
