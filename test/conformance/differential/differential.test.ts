import { afterAll, expect, test } from "vitest";
import { Coverage } from "./coverage.ts";
import { ReferenceProcess } from "./reference-process.ts";
import type { RecordedSchedule } from "./schedule-generator.ts";
import { generateSchedule } from "./schedule-generator.ts";

/*
 * raft-ts and go.etcd.io/raft/v3 run the same random schedules; after every command the answer, every
 * Ready with all its messages, and the state of the node must be the same. What is meant to differ is
 * listed in deviations.ts.
 *
 * RAFT_DIFFERENTIAL_SEED=n replays one schedule and prints it, RAFT_DIFFERENTIAL_COUNT=n makes that many,
 * from RAFT_DIFFERENTIAL_START on.
 */
const replaySeed = process.env["RAFT_DIFFERENTIAL_SEED"];
const scheduleCount = Number(process.env["RAFT_DIFFERENTIAL_COUNT"] ?? 10_000);
const firstSeed = Number(process.env["RAFT_DIFFERENTIAL_START"] ?? 1);
const batchSchedules = 100;

const reference = ReferenceProcess.build();

afterAll(() => {
  if (typeof reference !== "string") reference[Symbol.dispose]();
});

/** Throws at the first line whose answers differ. A panic is the same whatever it says. */
function compare(schedule: RecordedSchedule, theirs: readonly string[]): void {
  for (const [step, ours] of schedule.answers.entries()) {
    const their = theirs[step] ?? "nothing";
    if (ours === their || (ours.startsWith("panic ") && their.startsWith("panic "))) continue;
    const from = Math.max(0, step - 12);
    const history = schedule.lines
      .slice(from, step + 1)
      .map((line, position) => `  ${from + position}: ${line}\n      ${theirs[from + position]}`);
    throw new Error(
      `seed ${schedule.seed}, step ${step}: ${schedule.lines[step]}\n` +
        `raft-ts:   ${ours}\netcd/raft: ${their}\n` +
        `${schedule.lines[0]}\nwhat went before, with the answers of etcd/raft:\n` +
        `${history.join("\n")}\n` +
        `replay: RAFT_DIFFERENTIAL_SEED=${schedule.seed} npm run test:differential`,
    );
  }
}

async function runBatch(
  process: ReferenceProcess,
  schedules: readonly RecordedSchedule[],
): Promise<void> {
  const answers = await process.run(schedules.flatMap((schedule) => schedule.lines));
  let position = 0;
  for (const schedule of schedules) {
    const theirs = answers.slice(position, position + schedule.lines.length);
    position += schedule.lines.length;
    if (replaySeed !== undefined) print(schedule, theirs);
    compare(schedule, theirs);
  }
}

function print(schedule: RecordedSchedule, theirs: readonly string[]): void {
  const lines = schedule.lines.map((line, step) => `${step}: ${line}\n    ${theirs[step]}`);
  console.log(lines.join("\n"));
}

test.skipIf(typeof reference === "string")(
  "raft-ts answers every command of a random schedule as etcd/raft does",
  async () => {
    if (typeof reference === "string") return;
    const coverage = new Coverage();
    const start = replaySeed === undefined ? firstSeed : Number(replaySeed);
    const end = replaySeed === undefined ? firstSeed + scheduleCount : start + 1;
    let pending = Promise.resolve();
    for (let seed = start; seed < end; seed += batchSchedules) {
      const count = Math.min(batchSchedules, end - seed);
      const batch = Array.from({ length: count }, (_, position) =>
        generateSchedule(seed + position, coverage),
      );
      // The reference works on one batch while the next one is made up.
      await pending;
      pending = runBatch(reference, batch);
    }
    await pending;
    if (replaySeed !== undefined) return;
    console.log(`${scheduleCount} schedules, ${coverage.commands} commands:`, coverage.totals());
    for (const [name, count] of Object.entries(coverage.totals())) {
      expect(count, name).toBeGreaterThan(scheduleCount / 100);
    }
  },
  1_800_000,
);

if (typeof reference === "string") {
  console.warn(reference);
  test.skip(reference, () => {});
}
