/** Moves replicas between brokers; what decides on the life of brokers asks for no more than this. */
export interface ReplicaMover {
  /**
   * Begins to move every replica of a broker to others; harmless where that is under way. Rejects where it cannot
   * begin, and is asked again.
   */
  moveAway(brokerId: number): Promise<void>;
}
