import { createRequire, syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";
import { promisify } from "node:util";
import { currentContext, type VirtualContext } from "./virtual-context.ts";
import { replaceDate } from "./virtual-date.ts";
import { bound, virtualDelay, virtualInterval, VirtualTimeout } from "./virtual-timers.ts";

type Callable = (...args: never[]) => unknown;
type Call = (...args: unknown[]) => unknown;

/** What one replacement does within a simulation; elsewhere the real function is called. */
type Virtual = (context: VirtualContext, args: readonly unknown[], real: Call) => unknown;

const require = createRequire(import.meta.url);

let users = 0;
let restores: (() => void)[] = [];

/**
 * Gives code within simulations, and no other, virtual time and seeded randomness behind the usual names: timers,
 * `Date`, `performance.now`, `AbortSignal.timeout`, `Math.random`, `randomUUID` and those of `node:timers/promises`. As
 * long as somebody uses it; answers how to end one's use.
 */
export function useVirtualGlobals(): () => void {
  if (users++ === 0) restores = replaceAll();
  return () => {
    if (--users > 0) return;
    for (const restore of restores.reverse()) restore();
    syncBuiltinESMExports();
  };
}

function replaceAll(): (() => void)[] {
  const timers: Record<string, Virtual> = {
    setTimeout: ({ process }, [run, delay, ...args]) =>
      new VirtualTimeout(process, delay, bound(callbackOf(run), args), false),
    setInterval: ({ process }, [run, delay, ...args]) =>
      new VirtualTimeout(process, delay, bound(callbackOf(run), args), true),
    setImmediate: ({ process }, [run, ...args]) => process.post(0, bound(callbackOf(run), args)),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
  };
  const promises: Record<string, Virtual> = {
    setTimeout: ({ process }, [delay, value, options]) =>
      virtualDelay(process, delay, value, signalOf(options)),
    setImmediate: ({ process }, [value, options]) =>
      virtualDelay(process, 0, value, signalOf(options)),
    setInterval: ({ process }, [delay, value, options]) =>
      virtualInterval(process, delay, value, signalOf(options)),
  };
  const scheduler: Record<string, Virtual> = {
    wait: ({ process }, [delay, options]) =>
      virtualDelay(process, delay, undefined, signalOf(options)),
  };
  const uuid: Record<string, Virtual> = { randomUUID: ({ random }) => random.uuid() };
  const done = [
    ...replace(globalThis, timers),
    ...replace(moduleOf("node:timers"), timers),
    ...replace(moduleOf("node:timers/promises"), promises),
    ...replace(timersPromises.scheduler, scheduler),
    ...replace(performance, { now: ({ process }) => process.monotonicMs() }),
    ...replace(Math, { random: ({ random }) => random.between(0, 1) }),
    ...replace(globalThis.crypto, uuid),
    ...replace(moduleOf("node:crypto"), uuid),
    ...replace(AbortSignal, { timeout: abortAfter }),
    replaceDate(),
  ];
  syncBuiltinESMExports();
  return done;
}

function replace(owner: object, virtuals: Readonly<Record<string, Virtual>>): (() => void)[] {
  return Object.entries(virtuals).map(([name, virtual]) => {
    const own = Object.getOwnPropertyDescriptor(owner, name);
    const real: unknown = Reflect.get(owner, name);
    if (!isCallable(real)) throw new TypeError(`${name} is no function here`);
    const value = replacement(owner, real, virtual);
    Object.defineProperty(owner, name, {
      value,
      configurable: true,
      writable: true,
      enumerable: own?.enumerable ?? true,
    });
    return () => {
      if (own === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, own);
    };
  });
}

function replacement(owner: object, real: Callable, virtual: Virtual): Call {
  const call = (...args: unknown[]): unknown => Reflect.apply(real, owner, args);
  const replaced = (...args: unknown[]): unknown => {
    const context = currentContext();
    return context === undefined ? call(...args) : virtual(context, args, call);
  };
  if (real.name !== "setTimeout" || !(promisify.custom in real)) return replaced;
  // util.promisify(setTimeout) asks for this one.
  const delay = (ms: unknown, value: unknown): unknown => {
    const context = currentContext();
    if (context !== undefined) return virtualDelay(context.process, ms, value, undefined);
    return new Promise((resolve) => void call(() => resolve(value), ms));
  };
  return Object.assign(replaced, { [promisify.custom]: delay });
}

function clear(_: VirtualContext, [timer]: readonly unknown[], real: Call): unknown {
  if (timer instanceof VirtualTimeout) return void timer.close();
  if (hasCancel(timer)) return timer.cancel();
  return real(timer);
}

function abortAfter({ process }: VirtualContext, [delay]: readonly unknown[]): AbortSignal {
  const controller = new AbortController();
  const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError");
  void new VirtualTimeout(process, delay, () => controller.abort(reason), false);
  return controller.signal;
}

function signalOf(options: unknown): AbortSignal | undefined {
  if (typeof options !== "object" || options === null || !("signal" in options)) return undefined;
  return options.signal instanceof AbortSignal ? options.signal : undefined;
}

function callbackOf(run: unknown): (...args: unknown[]) => void {
  if (isCallable(run)) return (...args) => void Reflect.apply(run, undefined, args);
  throw new TypeError(`The callback of a timer is a function, not ${typeof run}`);
}

function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}

function hasCancel(value: unknown): value is { cancel(): void } {
  return (
    typeof value === "object" &&
    value !== null &&
    "cancel" in value &&
    typeof value.cancel === "function"
  );
}

function moduleOf(name: string): object {
  const found: unknown = require(name);
  if (typeof found === "object" && found !== null) return found;
  throw new TypeError(`${name} is no module`);
}
