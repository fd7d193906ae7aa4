import { readdirSync, readFileSync } from "node:fs";
import { type ProcessUsage, processUsage } from "../cluster/process-usage.ts";

/** What a process and all its descendants take, added up; what has ended counts no more. */
export function treeUsage(rootPid: number): ProcessUsage {
  const parents = parentsOfAll();
  const tree = new Set([rootPid]);
  for (let grew = true; grew;) {
    const size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
    grew = tree.size > size;
  }
  const sum = { cpuMs: 0, residentBytes: 0 };
  for (const pid of tree) {
    try {
      const { cpuMs, residentBytes } = processUsage(pid);
      sum.cpuMs += cpuMs;
      sum.residentBytes += Number.isNaN(residentBytes) ? 0 : residentBytes;
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

function parentsOfAll(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  return parents;
}
