import type { Admin, RopewalkClient } from "@ropewalk/client";

import type { Attempt } from "./client-failure.ts";
import { failure } from "./cli-error.ts";
import type { GlobalOptions } from "./global-options.ts";

/** Who does not answer a question for so long counts as unreachable: somebody waits at a terminal. */
const QUESTION_TIMEOUT_MS = 5000;

/** A topic may have thousands of partitions to be made. */
const CHANGE_TIMEOUT_MS = 30_000;

/** What a command is about; see {@link Attempt}. */
export type AttemptedAction = Omit<Attempt, "bootstrapServers">;

/** Gives a client of the cluster that the options name, and closes it. Failures become one line for people. */
export async function withClient<Result>(
  globals: GlobalOptions,
  attempted: AttemptedAction,
  use: (client: RopewalkClient) => Promise<Result>,
  options: { readonly rack?: string | undefined } = {},
): Promise<Result> {
  // Loaded late: help and usage errors shall not wait for it.
  const { createClient } = await import("@ropewalk/client");
  const bootstrapServers = globals.bootstrapServer;
  try {
    await using client = createClient({ ...options, bootstrapServers, clientId: "ropewalk-cli" });
    return await use(client);
  } catch (error) {
    const { explainFailure } = await import("./client-failure.ts");
    throw explainFailure(error, { ...attempted, bootstrapServers });
  }
}

/** Asks the cluster that the options name. */
export function askAdmin<Result>(
  globals: GlobalOptions,
  attempted: AttemptedAction,
  ask: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  return withClient(globals, attempted, (client) => ask(questions(client)));
}

/**
 * Changes the cluster that the options name. Whether it can be reached is found out first, so that the
 * long patience of a change is not spent on a cluster that is not there.
 */
export function changeByAdmin<Result>(
  globals: GlobalOptions,
  attempted: AttemptedAction,
  change: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  return withClient(globals, attempted, async (client) => {
    await questions(client).describeCluster();
    return change(client.admin({ timeoutMs: CHANGE_TIMEOUT_MS }));
  });
}

/**
 * Makes sure that a topic and those of its partitions exist and are there for clients, so that a
 * typing error is told at once and not after a wait.
 */
export async function checkTopic(
  client: RopewalkClient,
  topic: string,
  partitions: readonly number[] = [],
): Promise<void> {
  const { internal, partitions: existing } = await questions(client).describeTopic(topic);
  if (internal) throw failure(`topic ${topic} is the cluster's own; use another one`);
  const missing = partitions.find((partition) => partition >= existing.length);
  if (missing === undefined) return;
  throw failure(`topic ${topic} has no partition ${missing}; it has 0–${existing.length - 1}`);
}

/** Asks what somebody at a terminal waits for. */
export function questions(client: RopewalkClient): Admin {
  return client.admin({ timeoutMs: QUESTION_TIMEOUT_MS });
}
