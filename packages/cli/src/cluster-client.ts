import type { Admin, RopewalkClient } from "@ropewalk/client";

import type { Attempt } from "./client-failure.ts";
import { failure } from "./cli-error.ts";
import type { GlobalOptions } from "./global-options.ts";

/** A cluster that does not answer for so long counts as unreachable: somebody waits at a terminal. */
const ADMIN_TIMEOUT_MS = 10_000;

/** What a command is about; see {@link Attempt}. */
export type AttemptedAction = Omit<Attempt, "bootstrapServers">;

/** Gives a client of the cluster that the options name, and closes it. Failures become one line for people. */
export async function withClient<Result>(
  globals: GlobalOptions,
  attempted: AttemptedAction,
  use: (client: RopewalkClient) => Promise<Result>,
): Promise<Result> {
  // Loaded late: help and usage errors shall not wait for it.
  const { createClient } = await import("@ropewalk/client");
  const bootstrapServers = globals.bootstrapServer;
  try {
    await using client = createClient({ bootstrapServers, clientId: "ropewalk-cli" });
    return await use(client);
  } catch (error) {
    const { explainFailure } = await import("./client-failure.ts");
    throw explainFailure(error, { ...attempted, bootstrapServers });
  }
}

/** Gives the admin calls of the cluster that the options name. */
export function withAdmin<Result>(
  globals: GlobalOptions,
  attempted: AttemptedAction,
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  return withClient(globals, attempted, (client) =>
    use(client.admin({ timeoutMs: ADMIN_TIMEOUT_MS })),
  );
}

/**
 * Makes sure that a topic and those of its partitions exist, so that a typing error is told at once
 * and not after a wait.
 */
export async function checkTopic(
  client: RopewalkClient,
  topic: string,
  partitions: readonly number[] = [],
): Promise<void> {
  const { partitions: existing } = await client
    .admin({ timeoutMs: ADMIN_TIMEOUT_MS })
    .describeTopic(topic);
  const missing = partitions.find((partition) => partition >= existing.length);
  if (missing === undefined) return;
  throw failure(`topic ${topic} has no partition ${missing}; it has 0–${existing.length - 1}`);
}
