import { AsyncLocalStorage } from "node:async_hooks";
import { type SeededRandom, SimulatedProcess, type World } from "@ropewalk/simulation";

/** Time and randomness as code within a simulation has them. */
export interface VirtualContext {
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
}

const contexts = new AsyncLocalStorage<VirtualContext>();

/** The simulation that the code which runs now belongs to. */
export function currentContext(): VirtualContext | undefined {
  return contexts.getStore();
}

/** Runs code, and all that follows from it, within a simulation. */
export function runWithin<T>(context: VirtualContext, run: () => T): T {
  return contexts.run(context, run);
}

/** A process of the test's own: whatever the world tells it happens within the simulation, too. */
export class TestProcess extends SimulatedProcess {
  readonly #context: VirtualContext;

  constructor(world: World, host: string, random: SeededRandom) {
    super(world.loop, host);
    this.#context = { process: this, random };
  }

  get context(): VirtualContext {
    return this.#context;
  }

  override post(delayMs: number, run: () => void): ReturnType<SimulatedProcess["post"]> {
    return super.post(delayMs, () => runWithin(this.#context, run));
  }
}
