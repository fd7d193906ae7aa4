import type { ResultFile, ResultRow } from "../results/result-file.ts";
import type { Machine } from "../results/machine.ts";
import { escaped } from "./markup.ts";
import { pageStyle } from "./page-style.ts";
import { sectionOf } from "./section.ts";
import { tilesOf } from "./tiles.ts";

/** What a section says before its plots; workloads without a text have no section of their own order. */
const introductions: Readonly<Record<string, readonly [title: string, text: string]>> = {
  peers: [
    "Side by side",
    "The same records into each system on the same machine, one after the other in one run, three copies, each with its own best client. Rows say what had reached a disk when a record was acknowledged.",
  ],
  produce: [
    "Produce",
    "Acknowledged by a majority of three replicas, each of which had flushed it to its disk. Bars are means, whiskers go from the slowest to the fastest fifth of the measured time.",
  ],
  fetch: [
    "Fetch",
    "Read by one consumer: while it is written, from memory, and after the page cache was emptied.",
  ],
  latency: [
    "Latency",
    "From the moment a record was due to the moment its consumer had it, in an open loop: a stall counts for every record it delays.",
  ],
  commits: ["Offset commits", "Consumer groups that commit one offset after the other."],
  failover: [
    "Failover",
    "A broker is killed under load. For each partition that it led: the time until clients are told of another leader; for a producer: the time from due to acknowledged.",
  ],
  recovery: [
    "Recovery",
    "From the start of processes to where clients may be sent, and to where every replica has everything.",
  ],
  partitions: ["Many partitions", "What partitions cost to which nothing is written."],
  calm: ["Calm", "Elections that nobody needed, with processors kept busy by others."],
};

/** One page of HTML without anything beside it: plots, tables, and how the figures were taken. */
export function reportPage(result: ResultFile): string {
  const systems = systemsOf(result.rows);
  const names = [...new Set(result.rows.map(({ workload }) => workload))];
  const order = Object.keys(introductions);
  const sections = names
    .toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((name) => {
      const [title, text] = introductions[name] ?? [name, ""];
      const rows = result.rows.filter(({ workload }) => workload === name);
      return `<h2>${escaped(title)}</h2><p>${escaped(text)}</p>${sectionOf(rows, systems)}`;
    });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ropewalk bench, ${escaped(result.startedAt.slice(0, 10))}</title><style>${pageStyle}</style></head>
<body><main>
<h1>How fast Ropewalk is</h1>
<p>${escaped(machineLine(result))}</p>
${tilesOf(result.rows)}
${sections.join("\n")}
${skippedOf(result)}
<footer>${escaped(runLine(result))}<br><code>${escaped(result.command)}</code><br>${escaped(readingLine)}</footer>
</main></body></html>
`;
}

const readingLine =
  "Brokers, load generators and the disk share this machine. Compare rows of this page with each other: from run to run 15 % is nothing.";

function machineLine({ machine, versions }: ResultFile): string {
  const { cores, fileSystem, memoryGibibytes, processor, system } = machine;
  return `On ${cores} cores of ${processor} with ${memoryGibibytes} GiB, ${fileSystem}, ${system}; Node ${versions["node"] ?? "?"}; Ropewalk ${versions["ropewalk"] ?? "?"} (${versions["commit"] ?? "?"}).`;
}

function runLine({ durationSeconds, machine, startedAt }: ResultFile): string {
  return `Taken ${startedAt.slice(0, 16).replace("T", " ")} UTC in ${Math.round(durationSeconds / 60)} minutes; load average before: ${machine.loadBefore}.${pageCacheLine(machine)}`;
}

function pageCacheLine({ pageCache }: Machine): string {
  if (pageCache === undefined) return "";
  const { newSecondsPerGigabyte, usedSecondsPerGigabyte } = pageCache;
  return ` A GB into new pages of the page cache costs this machine ${newSecondsPerGigabyte.toFixed(1)} s of a processor, into used ones ${usedSecondsPerGigabyte.toFixed(1)} s.`;
}

function skippedOf({ skipped }: ResultFile): string {
  if (skipped.length === 0) return "";
  const items = skipped.map(({ reason, system, workload }) =>
    escaped(`${workload}, ${system}: ${reason}`),
  );
  return `<h2>Not measured</h2><p>${items.join("<br>")}</p>`;
}

/** Each system has its colour on the whole page: ours, the roofline's, then the peers'. */
function systemsOf(rows: readonly ResultRow[]): readonly string[] {
  const others = new Set(rows.map(({ system }) => system));
  return [...new Set(["ropewalk", "roofline", ...others])];
}
