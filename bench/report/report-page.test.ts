import { expect, test } from "vitest";
import { LatencyHistogram } from "../load/latency-histogram.ts";
import { type ResultFile, type ResultRow, resultVersion } from "../results/result-file.ts";
import { reportPage } from "./report-page.ts";

function resultOf(rows: readonly ResultRow[]): ResultFile {
  return {
    version: resultVersion,
    startedAt: "2026-01-02T03:04:05.000Z",
    durationSeconds: 60,
    command: "npm run bench -- <produce>",
    machine: {
      processor: "a processor",
      cores: 2,
      memoryGibibytes: 24,
      system: "linux",
      fileSystem: "ext4",
      loadBefore: 0.1,
      pageCache: { newSecondsPerGigabyte: 3.14, usedSecondsPerGigabyte: 0.1 },
    },
    versions: { ropewalk: "0.1.0", node: "v24" },
    rows,
    skipped: [{ workload: "compare", system: "kafka", reason: "it is not installed" }],
  };
}

const histogram = new LatencyHistogram();
for (let us = 100; us < 90_000; us += 7) histogram.record(us);
const row: ResultRow = {
  workload: "latency",
  system: "ropewalk",
  label: "1 KiB, 50 % of the peak",
  settings: { recordBytes: 1024, acks: "all" },
  figures: { recordsPerSecond: 12_345, megabytesPerSecond: 12.6, loadPercent: 50 },
  latencies: { endToEnd: histogram.summary() },
};

test("reportPage() needs nothing beside it", () => {
  const page = reportPage(resultOf([row, { ...row, workload: "produce", latencies: {} }]));
  expect(page).not.toMatch(/\b(?:src|href)=|url\(|@import|<script/);
  expect(page).toContain("prefers-color-scheme: dark");
  expect(page).toContain("3.1 s of a processor, into used ones 0.1 s");
});

test("reportPage() draws every system, every latency, and says what was not measured", () => {
  const produced = { ...row, workload: "produce", latencies: {} };
  const page = reportPage(resultOf([row, produced, { ...produced, system: "roofline" }]));
  expect(page).toContain("due to consumed");
  expect(page).toContain("roofline: 1 KiB");
  expect(page).toContain("compare, kafka: it is not installed");
  expect(page).not.toContain("NaN");
});

test("reportPage() puts what did the same side by side, and the roofline beside it", () => {
  const ours = { ...row, workload: "peers", label: "produce, 1 KiB", latencies: {} };
  const theirs = {
    ...ours,
    system: "kafka",
    figures: { recordsPerSecond: 1000, megabytesPerSecond: 1 },
  };
  const most = { ...ours, system: "roofline", label: "produce, batches of 256 KiB", settings: {} };
  const page = reportPage(resultOf([ours, theirs, most]));
  expect(page).toContain("<h3>Produce, records of 1 KiB</h3>");
  expect(page).toContain(">roofline, batches of 256 KiB<");
  expect(page).toContain("<b>12.3 ×</b><span>the rate of kafka, produce, records of 1 KiB");
});

test("reportPage() writes what it is given as text", () => {
  const page = reportPage(resultOf([{ ...row, label: "<b>bold</b>" }]));
  expect(page).not.toContain("<b>bold");
  expect(page).toContain("&lt;produce>");
});
