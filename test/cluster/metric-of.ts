import type { ProcessCluster } from "./process-cluster.ts";

/** A figure of a broker, by its name with labels as they are printed; −1 where there is none, or no broker. */
export async function metricOf(cluster: ProcessCluster, id: number, name: string): Promise<number> {
  const answer = await fetch(`${cluster.httpUrl(id)}/metrics`).catch(() => undefined);
  const lines = (await answer?.text())?.split("\n") ?? [];
  return Number(lines.find((each) => each.startsWith(`${name} `))?.split(" ")[1] ?? -1);
}
