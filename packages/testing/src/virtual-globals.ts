import { createRequire, syncBuiltinESMExports } from "node:module";
import timersPromises from "node:timers/promises";
import { outsideWorld } from "./outside-world.ts";
import { type Call, isCallable, replace, type Virtual } from "./replaced-function.ts";
import type { VirtualContext } from "./virtual-context.ts";
import { replaceDate } from "./virtual-date.ts";
import { bound, virtualDelay, virtualInterval, VirtualTimeout } from "./virtual-timers.ts";

const require = createRequire(import.meta.url);

let users = 0;
let restores: (() => void)[] = [];

/**
 * Gives code within simulations, and no other, virtual time and seeded randomness behind the usual names: timers,
 * `Date`, `performance.now`, `AbortSignal.timeout`, `Math.random`, `randomUUID` and those of `node:timers/promises`. As
 * long as somebody uses it; answers how to end one's use. What would leave the simulation throws NOT_SIMULATED.
 */
export function useVirtualGlobals(): () => void {
  if (users === 0) restores = replaceAll();
  users++;
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
    ...outsideWorld().flatMap(({ owner, virtuals }) => replace(owner, virtuals)),
    replaceDate(),
  ];
  syncBuiltinESMExports();
  return done;
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
