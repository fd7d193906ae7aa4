import process from "node:process";

/**
 * Runs everything that promises have to run, however long their chains are, and returns: Node's own
 * `process._tickCallback`, which no document promises. It does nothing while a promise's reaction runs, so that only a
 * callback of the event loop may call it. `undefined` where there is none: then a turn of the event loop does the same
 * (`setImmediate`), for thirty times the price.
 */
export const drainMicrotasks: (() => void) | undefined = drainOf(process);

function drainOf(owner: object): (() => void) | undefined {
  const drain: unknown = Reflect.get(owner, "_tickCallback");
  return typeof drain === "function" ? () => void Reflect.apply(drain, owner, []) : undefined;
}

type Tick = (...args: unknown[]) => void;

// As the event loop's own turns, these are nothing of a test that replaces the global one.
const { setImmediate } = globalThis;

/**
 * Runs a turn, and has ticks (`process.nextTick`) that throw in it do so in a turn of their own. Node would leave the
 * queue then and expects to be back at the bottom of its stack; within a drain it is not, and ends the process.
 */
export function guardTicks<T>(turn: () => T): T {
  // oxlint-disable-next-line typescript/unbound-method -- It is put back as it is.
  const real = process.nextTick;
  process.nextTick = (tick: Tick, ...args: unknown[]) => real.call(process, guarded, tick, args);
  try {
    return turn();
  } finally {
    process.nextTick = real;
  }
}

function guarded(tick: Tick, args: readonly unknown[]): void {
  try {
    tick(...args);
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
