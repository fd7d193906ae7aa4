import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SeededRandom } from "../../packages/log/fakes/seeded-random.ts";
import type { LoopVolume } from "./loop-volume.ts";
import { StoreModel } from "./store-model.ts";
import { writeBack } from "./write-back.ts";
import { WriterProcess } from "./writer-process.ts";
import { machineMs, type WriterReport } from "./writer-report.ts";

const mebibyte = 1024 * 1024;
const acknowledgedBeforeCutMax = 500;
const recoveryMsMax = 120;
const extraMsMax = 8;
const lingerMsMax = 20;
const writeBackMsMax = 10;
const cleanAppendsMax = 300;

/** When the power goes: while the store is opened, in the middle of the load, or after a clean end. */
type Moment = "opening" | "load" | "closed";

/** How the store and its lock say that the disk does not answer. */
const powerlessError = /^(DiskError|LogError): (?!.*cannot be recovered)/;

/** What a run has met. */
interface PowerCutFigures {
  readonly cuts: Record<Moment, number>;
  recoveries: number;
  destageRuns: number;
  /** Acknowledgements between the beginning of a cut and its end, and how late the last one came. */
  acknowledgedDuringCut: number;
  lastAfterCutMs: number;
  /** How long the longest cut took. */
  cutMsMax: number;
}

/** What a store says when it finds less than it promised to keep. */
const damageMessages = /is damaged|is lost/;

/** What the store says when it does what only a test as hard as this brings about. */
const figureOfMessage: Readonly<Record<string, "destageRuns">> = {
  "Entries were moved from the journal to segments.": "destageRuns",
};

/** One store on one volume, whose power is cut again and again; each time it must have kept its word. */
export class PowerCutRun {
  readonly model: StoreModel = new StoreModel();
  readonly figures: PowerCutFigures = {
    cuts: { opening: 0, load: 0, closed: 0 },
    recoveries: 0,
    destageRuns: 0,
    acknowledgedDuringCut: 0,
    lastAfterCutMs: 0,
    cutMsMax: 0,
  };
  /** What was found wrong, first first. */
  readonly faults: string[] = [];
  readonly #volume: LoopVolume;
  readonly #random: SeededRandom;
  readonly #isLying: boolean;
  #lastWrite = 0;
  #lastGroupId = 0;
  #saidInThisLife = new Set<WriterReport["kind"]>();
  #cutAtMs = Number.POSITIVE_INFINITY;

  constructor(volume: LoopVolume, seed: number, options: { readonly isLying: boolean }) {
    this.#volume = volume;
    this.#random = new SeededRandom(seed);
    this.#isLying = options.isLying;
  }

  get #directory(): string {
    return join(this.#volume.mountPoint, "log");
  }

  /** One life of the writer, the cut that ends it, and the power's return. */
  async cut(): Promise<void> {
    const moment = this.#pickMoment();
    const acknowledgedMin =
      this.model.acknowledgedSteps + 1 + this.#random.integer(acknowledgedBeforeCutMax);
    const extraMs = this.#random.integer((moment === "opening" ? recoveryMsMax : extraMsMax) + 1);
    const lingerMs = this.#random.integer(lingerMsMax + 1);
    const isWrittenBack = this.#random.chance(50);
    const writeBackMs = this.#random.integer(writeBackMsMax + 1);
    const appendsMax = 1 + this.#random.integer(cleanAppendsMax);
    const writer = this.#start(moment === "closed" ? appendsMax : undefined);
    await writer.until(moment, () =>
      moment === "load"
        ? this.model.acknowledgedSteps >= acknowledgedMin
        : this.#saidInThisLife.has(moment),
    );
    await delay(extraMs);
    const cut = new AbortController();
    const writtenBack = isWrittenBack ? writeBack(this.#directory, cut.signal) : undefined;
    await delay(writeBackMs);
    // What a start made durable is not told write by write, so nobody may be told after the cut began.
    if (moment === "opening") await writer.freeze();
    this.#cutAtMs = machineMs();
    this.#volume.cutPower();
    const cutMs = machineMs() - this.#cutAtMs;
    this.figures.cutMsMax = Math.max(this.figures.cutMsMax, cutMs);
    cut.abort();
    // Whoever still runs learns that nothing can be written any more.
    await delay(lingerMs);
    await writer.kill();
    await writtenBack;
    this.figures.cuts[moment]++;
    this.#volume.unmount();
    this.#volume.mount();
    this.#cutAtMs = Number.POSITIVE_INFINITY;
  }

  /** One line for people. */
  describe(): string {
    const { cuts, destageRuns, recoveries } = this.figures;
    const { acknowledgedDuringCut, cutMsMax, lastAfterCutMs } = this.figures;
    const { model } = this;
    return [
      `${cuts.load} cuts under load, ${cuts.opening} while opening, ${cuts.closed} after a clean end`,
      `${recoveries} recoveries checked, ${destageRuns} moves to segments`,
      `${model.acknowledgedSteps} writes with ${model.acknowledgedEntries} entries acknowledged`,
      `${acknowledgedDuringCut} appends acknowledged during a cut (of at most ${cutMsMax.toFixed(1)} ms, ` +
        `the last after ${lastAfterCutMs.toFixed(1)} ms), ${model.vanishedDuringCut} of their writes vanished`,
      `of those not acknowledged ${model.keptUnacknowledged} were there, ${model.vanishedUnacknowledged} not`,
      this.faults.length === 0 ? "0 lost, 0 changed, 0 out of order" : this.faults.join("\n"),
    ].join("; ");
  }

  /** Opens the store once more and closes it. */
  async finish(): Promise<void> {
    const writer = this.#start(0);
    await writer.until("closed", () => this.#saidInThisLife.has("closed"));
    await writer.kill();
    if (!this.#saidInThisLife.has("closed")) this.faults.push("the store was not closed");
  }

  #pickMoment(): Moment {
    const percent = this.#random.integer(100);
    if (percent < 15) return "opening";
    return percent < 25 ? "closed" : "load";
  }

  #start(appendsMax: number | undefined): WriterProcess {
    this.#saidInThisLife = new Set();
    const task = {
      directory: this.#directory,
      seed: this.#random.integer(2 ** 31),
      fileBytesMax: mebibyte * (1 + this.#random.integer(4)),
      flushBytesMax: this.#random.chance(50) ? mebibyte : mebibyte / 16,
      lastWrite: this.#lastWrite,
      nextGroupId: this.#lastGroupId + 1,
      ...(appendsMax === undefined ? {} : { appendsMax }),
      isLying: this.#isLying,
    };
    return new WriterProcess(task, (report) => this.#hear(report));
  }

  #hear(report: WriterReport): void {
    this.#saidInThisLife.add(report.kind);
    if (report.kind === "recovered") {
      this.figures.recoveries++;
      const fault = this.model.settle(report.groups);
      if (fault !== undefined) this.faults.push(fault);
    } else if (report.kind === "intends") {
      this.model.intend(report.steps);
      for (const { write, group } of report.steps) {
        this.#lastWrite = Math.max(this.#lastWrite, write);
        this.#lastGroupId = Math.max(this.#lastGroupId, Number.parseInt(group, 10));
      }
    } else if (report.kind === "acknowledged") {
      this.#hearAcknowledged(report.write, report.atMs);
    } else if (report.kind === "logged") {
      const figure = figureOfMessage[report.message];
      if (figure !== undefined) this.figures[figure]++;
      if (damageMessages.test(report.message)) {
        this.faults.push(`damage was found: ${report.message} ${JSON.stringify(report.fields)}`);
      }
    } else if (
      report.kind === "failed" &&
      (this.#cutAtMs === Number.POSITIVE_INFINITY || !powerlessError.test(report.message))
    ) {
      this.faults.push(`the writer failed: ${report.message}`);
    }
  }

  #hearAcknowledged(write: number, atMs: number): void {
    if (atMs <= this.#cutAtMs) {
      this.model.acknowledge(write);
      return;
    }
    this.model.acknowledgeDuringCut(write);
    this.figures.acknowledgedDuringCut++;
    this.figures.lastAfterCutMs = Math.max(this.figures.lastAfterCutMs, atMs - this.#cutAtMs);
  }
}
