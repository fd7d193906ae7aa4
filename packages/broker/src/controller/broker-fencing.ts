import type { BrokerImage } from "./broker-life.ts";

/** The last sign of life of a broker, as the controller has it. */
export interface BrokerSession {
  /** The directory that the sign came from: another one is another incarnation. */
  readonly directoryId: string;
  readonly heardMs: number;
  /** How far the broker had applied the metadata. */
  readonly appliedIndex: number;
}

/** What fencing is decided by. */
export interface FencingInput {
  readonly brokers: Iterable<BrokerImage>;
  readonly sessions: ReadonlyMap<number, BrokerSession>;
  /** Since when this controller decides: nobody was silent for longer, as far as it knows. */
  readonly sinceMs: number;
  readonly nowMs: number;
  /** A broker that is silent for so long is fenced. */
  readonly sessionTimeoutMs: number;
  /** A broker is unfenced only when it has applied the metadata up to here. */
  readonly indexMin: number;
}

/** A broker that is to be fenced, or not any more. */
export interface FencingChange {
  readonly broker: BrokerImage;
  readonly fenced: boolean;
}

/** Who is to be fenced for it was silent too long, and who was heard again (KIP-631). */
export function fencingChanges(input: FencingInput): FencingChange[] {
  const changes: FencingChange[] = [];
  for (const broker of input.brokers) {
    const fenced = isToBeFenced(input, broker);
    if (fenced !== broker.fenced) changes.push({ broker, fenced });
  }
  return changes;
}

function isToBeFenced(input: FencingInput, broker: BrokerImage): boolean {
  const { indexMin, nowMs, sessionTimeoutMs, sinceMs } = input;
  const session = input.sessions.get(broker.brokerId);
  const isOwn = session?.directoryId === broker.directoryId;
  if (broker.fenced) {
    if (!isOwn || session.appliedIndex < indexMin) return true;
    return nowMs - session.heardMs >= sessionTimeoutMs;
  }
  // A new controller has heard nobody yet: that says nothing against them.
  const heardMs = isOwn ? Math.max(session.heardMs, sinceMs) : sinceMs;
  return nowMs - heardMs >= sessionTimeoutMs;
}
