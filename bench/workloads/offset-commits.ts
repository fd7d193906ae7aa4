import { runLoads } from "../load/load-runner.ts";
import { brokerFigures, latencyFigures, loadFigures } from "./load-figures.ts";
import { type Workload, system, withTopic } from "./workload.ts";

const groupCounts = [1, 10, 100] as const;

/** `commits` */
export const offsetCommitsWorkload: Workload = {
  name: "commits",
  summary: "offset commits of consumer groups, one after the other in each group",
  runsByDefault: true,
  async run(context) {
    const { cluster, findings, options } = context;
    for (const groupCount of options.quick ? groupCounts.slice(1, 2) : groupCounts) {
      findings.progress(`commits of ${groupCount} groups`);
      await withTopic(context, 1, async (topic) => {
        const { bootstrapServers } = cluster;
        const job = { kind: "commit", bootstrapServers, topic, groupCount } as const;
        const { after, before, results } = await runLoads([job], options, () => cluster.usages());
        const [committed] = results;
        if (committed === undefined) return;
        const { brokersCpuMicrosecondsPerRecord, ...broker } = brokerFigures(
          before,
          after,
          committed,
        );
        const { generatorCpuCores, recordsPerSecond } = loadFigures(committed);
        findings.row({
          workload: "commits",
          system,
          label: groupCount === 1 ? "1 group" : `${groupCount} groups`,
          settings: { groupCount, fsync: "before every acknowledgement, on a majority" },
          figures: {
            ...broker,
            ...(recordsPerSecond !== undefined && { recordsPerSecond }),
            ...(generatorCpuCores !== undefined && { generatorCpuCores }),
            ...(brokersCpuMicrosecondsPerRecord !== undefined && {
              brokersCpuMicrosecondsPerRecord,
            }),
          },
          latencies: latencyFigures(committed),
        });
      });
    }
  },
};
