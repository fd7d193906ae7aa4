/**
 * Names a group for ever. `groupId` is the name; `incarnation` tells a group that was deleted and made
 * again under that name from its predecessor, so that late messages of the one never reach the other.
 * Both are safe integers of at least 0.
 */
export interface GroupKey {
  readonly groupId: number;
  readonly incarnation: number;
}
