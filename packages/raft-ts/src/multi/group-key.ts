/**
 * Names a group for ever. `groupId` is the name; `incarnation` tells a group that was deleted and made
 * again under that name from its predecessor, so that late messages of the one never reach the other.
 * Both are safe integers of at least 0.
 */
export interface GroupKey {
  readonly groupId: number;
  readonly incarnation: number;
}

/**
 * A group, and which replicas of two of its nodes something travels between. A replica that was removed and came back
 * empty is another one: it must not take what was meant for the earlier one, nor may that one's late answers
 * count as its own. The numbers of a node's replicas ascend; absent = 0, as long as nobody came back.
 */
export interface GroupRoute extends GroupKey {
  readonly fromReplica?: number;
  readonly toReplica?: number;
}
