export { faultKinds } from "./nemesis/fault-kind.ts";
export type { FaultKind } from "./nemesis/fault-kind.ts";
export { Run } from "./run.ts";
export type { RunOutcome } from "./run.ts";
export { optionsOfSeed } from "./run-options.ts";
export type { RunOptions } from "./run-options.ts";
