import { expect, test } from "vitest";
import { ProcessCluster } from "./process-cluster.ts";
import { ropewalk } from "./run-command.ts";
import { waitFor } from "./wait-for.ts";

const noticedMs = 30_000;

interface Health {
  readonly status: string;
  readonly problems: readonly {
    readonly kind: string;
    readonly what: string;
    readonly mend: string;
  }[];
}

async function ask(cluster: ProcessCluster): Promise<Health & { exitStatus: number | null }> {
  const args = ["cluster", "health", "--format", "json"];
  const { bootstrapServers } = cluster;
  const { status: exitStatus, stdout } = await ropewalk(args, { bootstrapServers });
  return { ...(JSON.parse(stdout.toString()) as Health), exitStatus };
}

async function untilFound(
  cluster: ProcessCluster,
  kinds: readonly string[],
): Promise<Health & { exitStatus: number | null }> {
  let health = await ask(cluster);
  await waitFor(
    () => `health tells ${kinds.join(", ")}; it said ${JSON.stringify(health)}`,
    noticedMs,
    async () => {
      health = await ask(cluster);
      const told = new Set(health.problems.map(({ kind }) => kind));
      return told.size === kinds.length && kinds.every((kind) => told.has(kind));
    },
  );
  return health;
}

/** Whoever reads what mends a problem can run it. */
async function expectCommandsExist({ problems }: Health): Promise<void> {
  for (const { mend } of problems) {
    for (const [, words = ""] of mend.matchAll(/ropewalk ((?:[a-z-]+ )*[a-z-]+)/g)) {
      const { status } = await ropewalk([
        ...words.split(" ").filter((word) => !word.startsWith("-")),
        "--help",
      ]);
      expect({ words, status }).toEqual({ words, status: 0 });
    }
  }
}

test("cluster health tells what is wrong and what mends it, by exit status too, as brokers die", async () => {
  await using cluster = await ProcessCluster.start(3);
  const { bootstrapServers } = cluster;
  const create = ["topic", "create", "orders", "-p", "6", "-r", "3"];
  expect(await ropewalk(create, { bootstrapServers })).toMatchObject({ status: 0 });
  expect(await untilFound(cluster, [])).toMatchObject({ exitStatus: 0, status: "healthy" });

  await cluster.kill(3);
  const one = await untilFound(cluster, ["silent-broker", "under-replicated-partitions"]);
  expect(one).toMatchObject({ exitStatus: 1, status: "warning" });
  expect(one.problems[0]?.what).toContain("broker 3 ");
  expect(one.problems[0]?.mend).toContain("ropewalk broker --id 3");
  expect(one.problems[1]?.what).toContain("brokers 3 lack records");

  await cluster.kill(2);
  const two = await untilFound(cluster, [
    "no-controller",
    "leaderless-partitions",
    "silent-broker",
  ]);
  expect(two).toMatchObject({ exitStatus: 2, status: "critical" });
  await expectCommandsExist(one);
  await expectCommandsExist(two);
  const text = await ropewalk(["cluster", "health"], { bootstrapServers });
  expect(text.stdout.toString()).toMatch(
    /^unhealthy: 4 problems\n\ncritical: there is no controller/,
  );
  expect(text.stdout.toString()).toContain("mend: start brokers 2, 3 again");

  for (const id of [2, 3]) cluster.spawn(id);
  await cluster.ready();
  expect(await untilFound(cluster, [])).toMatchObject({ exitStatus: 0 });
  for (const id of cluster.brokerIds) await cluster.kill(id);
  expect(await ropewalk(["cluster", "health"], { bootstrapServers })).toMatchObject({ status: 2 });
});
