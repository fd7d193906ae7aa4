import { crc32c } from "@ropewalk/protocol";
import { expect, test } from "vitest";
import { fileHeaderBytes } from "./file-header.ts";
import { JournalFile } from "./journal-file.ts";
import { encodeRecordHead, sealRecordHead } from "./journal-record.ts";
import { type ScanEvent, scanJournalFile } from "./journal-scan.ts";
import { ScanWindow } from "./scan-window.ts";
import { SeededRandom } from "../../fakes/seeded-random.ts";
import { SimulatedDisk } from "../../fakes/simulated-disk.ts";
import { directory, keyOf, sampleEntry } from "../../fakes/store-harness.ts";

const sizeBytes = 3 * 1024 * 1024;

async function newFile(): Promise<JournalFile> {
  const disk = new SimulatedDisk(new SeededRandom(1));
  const directoryId = new Uint8Array(16);
  return JournalFile.create({ disk, directory, sequence: 1, directoryId }, sizeBytes);
}

async function writeRecord(
  file: JournalFile,
  position: number,
  dataBytes: number,
): Promise<number> {
  const entries = [sampleEntry(1, 1, new Uint8Array(dataBytes).fill(9))];
  const hardState = { term: 1, vote: 1, commit: 0 };
  const crcs = entries.map((entry) => crc32c(entry.data));
  const head = encodeRecordHead(
    { kind: "write", key: keyOf(1), recordNumber: 0, hardState, entries },
    crcs,
    position,
  );
  sealRecordHead(head, file.salt, { sequence: 1, position: fileHeaderBytes });
  await file.write(position, [head, ...entries.map((entry) => entry.data)]);
  return position + head.length + dataBytes;
}

async function scan(file: JournalFile): Promise<string[]> {
  const shown: string[] = [];
  const show = (event: ScanEvent): string =>
    event.kind === "gap"
      ? `gap ${event.position}-${event.end} used to ${event.nonZeroEnd}`
      : `record ${event.header.position} ${event.entries === undefined ? "bad" : "good"}`;
  const window = new ScanWindow(file, await file.sizeBytes());
  for await (const event of scanJournalFile(window, file.salt, fileHeaderBytes, true))
    shown.push(show(event));
  return shown;
}

test("scanJournalFile() finds records, and the zeros behind them", async () => {
  const file = await newFile();
  const end = await writeRecord(file, await writeRecord(file, fileHeaderBytes, 80), 1_500_000);
  expect(await scan(file)).toEqual([
    "record 4096 good",
    "record 4296 good",
    `gap ${end}-${sizeBytes} used to ${end}`,
  ]);
});

test("scanJournalFile() finds the next record behind bytes that are none, wherever it begins", async () => {
  for (const distance of [8, 96, 4096, 1024 * 1024 - 96, 1024 * 1024 - 8, 1024 * 1024, 2_000_000]) {
    const file = await newFile();
    await file.write(fileHeaderBytes, [new Uint8Array(5).fill(1)]);
    const position = fileHeaderBytes + distance;
    await writeRecord(file, position, 80);
    expect((await scan(file)).slice(0, 2)).toEqual([
      `gap 4096-${position} used to 4101`,
      `record ${position} good`,
    ]);
  }
});

test("scanJournalFile() reports a record whose data is not what was written, and goes on behind it", async () => {
  const file = await newFile();
  const next = await writeRecord(file, fileHeaderBytes, 80);
  await writeRecord(file, next, 80);
  await file.write(next - 1, [new Uint8Array([8])]);
  expect((await scan(file)).slice(0, 2)).toEqual(["record 4096 bad", "record 4296 good"]);
});

test("scanJournalFile() takes records of another salt, as of a file's use before, for none", async () => {
  const file = await newFile();
  const end = await writeRecord(file, await writeRecord(file, fileHeaderBytes, 80), 80);
  const window = new ScanWindow(file, await file.sizeBytes());
  const events: ScanEvent[] = [];
  for await (const event of scanJournalFile(window, file.salt ^ 1, fileHeaderBytes, true))
    events.push(event);
  expect(events).toEqual([
    { kind: "gap", position: fileHeaderBytes, end: sizeBytes, nonZeroEnd: end },
  ]);
});
