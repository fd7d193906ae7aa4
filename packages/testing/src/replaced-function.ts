import { promisify } from "node:util";
import { currentContext, type VirtualContext } from "./virtual-context.ts";
import { virtualDelay } from "./virtual-timers.ts";

/** Any function. */
type Callable = (...args: never[]) => unknown;
/** A function as it is called here. */
export type Call = (...args: unknown[]) => unknown;

/** What one replacement does within a simulation; elsewhere the real function is called. */
export type Virtual = (context: VirtualContext, args: readonly unknown[], real: Call) => unknown;

/** What every function has of its own. */
const functionKeys: ReadonlySet<PropertyKey> = new Set(["length", "name", "prototype"]);

/**
 * Replaces functions of `owner`, by name, within simulations; elsewhere they are what they were. Answers how to put them back.
 */
export function replace(
  owner: object,
  virtuals: Readonly<Record<string, Virtual>>,
): (() => void)[] {
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
  for (const name of Reflect.ownKeys(real)) {
    const own = functionKeys.has(name) ? undefined : Object.getOwnPropertyDescriptor(real, name);
    if (own !== undefined) Object.defineProperty(replaced, name, { ...own, configurable: true });
  }
  if (real.name !== "setTimeout" || !(promisify.custom in real)) return replaced;
  // util.promisify(setTimeout) asks for this one.
  const delay = (ms: unknown, value: unknown): unknown => {
    const context = currentContext();
    if (context !== undefined) return virtualDelay(context.process, ms, value, undefined);
    return new Promise((resolve) => void call(() => resolve(value), ms));
  };
  return Object.defineProperty(replaced, promisify.custom, { value: delay });
}

/** Whether it can be called. */
export function isCallable(value: unknown): value is Callable {
  return typeof value === "function";
}
