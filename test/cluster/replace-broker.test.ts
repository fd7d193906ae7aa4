import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePorts } from "./free-ports.ts";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { RunningCommand } from "./running-command.ts";
import { waitFor } from "./wait-for.ts";

const deadlineMs = 60_000;

/** What an operator sees who has read nothing but `cluster health`. */
async function healthOf(bootstrapServers: readonly string[]): Promise<string> {
  const { stdout } = await ropewalk(["cluster", "health"], { bootstrapServers });
  return stdout.toString();
}

test("a broker that is gone for good is replaced by typing what cluster health prints, and nothing else", async () => {
  await using cluster = await ProcessCluster.start(3);
  const doors = cluster.addressesOf([1, 2]);
  const create = ["topic", "create", "orders", "-p", "4", "-r", "3"];
  expect(await ropewalk(create, { bootstrapServers: doors })).toMatchObject({ status: 0 });
  const input = "a\nb\nc\n";
  expect(await ropewalk(["produce", "orders"], { bootstrapServers: doors, input })).toMatchObject({
    status: 0,
  });
  await cluster.kill(3);
  rmSync(cluster.dataDirectory(3), { recursive: true });

  let health = "";
  const told = (): RegExpExecArray | null =>
    /gone for good, start another one, with [^:]+: (?<start>.+); then: (?<remove>.+)$/m.exec(
      health,
    );
  await waitFor(
    () => `health says what to type, and not:\n${health}`,
    deadlineMs,
    async () => {
      health = await healthOf(doors);
      return told() !== null;
    },
  );
  const { remove = "", start = "" } = told()?.groups ?? {};
  expect(start).toContain("ropewalk broker --id 4 ");
  // The machine is the same one, so that the new broker needs ports of its own.
  const [client = 0, peer = 0, http = 0] = await freePorts(3);
  const ports = `--listen 127.0.0.1:${client} --peer-listen 127.0.0.1:${peer} --http-listen 127.0.0.1:${http}`;
  const words = (line: string): string[] => line.split(" ").slice(1);
  const args = words(`${start.replace("DIRECTORY", join(cluster.directory, "4"))} ${ports}`);
  await using broker = RunningCommand.ropewalk(args);
  const log = (): string => `the new broker is ready; its log:\n${broker.stdout.toString()}`;
  await waitFor(log, deadlineMs, async () => {
    const answer = await fetch(`http://127.0.0.1:${http}/readyz`).catch(() => undefined);
    return answer?.status === 200;
  });
  const removed = await ropewalk(words(remove), { bootstrapServers: doors });
  expect(removed.stdout.toString()).toContain("broker 3 is decommissioned");

  const all = [...doors, `127.0.0.1:${client}`];
  await waitFor(
    () => `the cluster is healthy, and not:\n${health}`,
    deadlineMs,
    async () => {
      health = await healthOf(all);
      return health === "healthy\n";
    },
  );
  const list = await ropewalk(["broker", "list", "--format", "json"], { bootstrapServers: all });
  const brokers = JSON.parse(list.stdout.toString()) as { readonly brokerId: number }[];
  expect(brokers.map(({ brokerId }) => brokerId)).toEqual([1, 2, 4]);
  const consume = ["consume", "orders", "--from-beginning", "-e"];
  const read = await ropewalk(consume, { bootstrapServers: all });
  expect(read.stdout.toString().trimEnd().split("\n").toSorted()).toEqual(["a", "b", "c"]);
});
