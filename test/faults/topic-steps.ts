import { createClient } from "@ropewalk/client";
import { expect } from "vitest";
import { ropewalk } from "../cluster/run-command.ts";
import { waitFor } from "../cluster/wait-for.ts";

const ledMs = 30_000;
const attemptsMax = 20;

/** Runs a command until it succeeds: in the middle of a fault a change may have no controller to take it. */
async function untilDone(
  args: readonly string[],
  bootstrapServers: readonly string[],
  done: RegExp,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { status, stderr } = await ropewalk(args, { bootstrapServers });
    // Its outcome may have been unknown before.
    if (status === 0 || (attempt > 1 && done.test(stderr))) return;
    if (attempt === attemptsMax) expect.fail(`${args.join(" ")}: ${stderr}`);
  }
}

/** Makes a topic. */
export function createTopic(
  bootstrapServers: readonly string[],
  topic: string,
  partitionCount: number,
  replicationFactor = 3,
): Promise<void> {
  const counts = ["-p", String(partitionCount), "-r", String(replicationFactor)];
  const args = ["topic", "create", topic, ...counts];
  return untilDone(args, bootstrapServers, /already exists/);
}

/** Deletes a topic. */
export function deleteTopic(bootstrapServers: readonly string[], topic: string): Promise<void> {
  return untilDone(["topic", "delete", topic], bootstrapServers, /does not exist/);
}

/** Waits until every broker says that every partition of the topic is led. */
export async function expectLed(bootstrapServers: readonly string[], topic: string): Promise<void> {
  for (const server of bootstrapServers) {
    await using client = createClient({ bootstrapServers: [server] });
    const isLed = async (): Promise<boolean> => {
      const described = await client
        .admin()
        .describeTopic(topic)
        .catch(() => undefined);
      return described?.partitions.every(({ leaderId }) => leaderId !== 0) ?? false;
    };
    await waitFor(`${topic} is led, as ${server} says`, ledMs, isLed);
  }
}
