import type { Address } from "@ropewalk/runtime";
import type { FeatureLevels } from "./feature-level.ts";

/** What a broker says of itself when it comes. */
export interface BrokerRegistration {
  readonly brokerId: number;
  /** The data directory's own id: a wiped disk has another one. */
  readonly directoryId: string;
  readonly client: Address;
  readonly peer: Address;
  readonly rack: string;
  readonly version: string;
  /** How often its directory was started: with the directory's id the incarnation. */
  readonly startCount: number;
  /** Of the file system that holds its data; 0: not known. */
  readonly diskCapacityBytes: number;
  /** The feature levels that it can work at, both included. */
  readonly featureLevels: FeatureLevels;
}
