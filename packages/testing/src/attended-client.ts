import { Admin, Consumer, Producer, type RopewalkClient } from "@ropewalk/client";
import type { SimulatedProcess } from "@ropewalk/simulation";
import type { ClusterTime } from "./cluster-time.ts";

type Method = (...args: readonly unknown[]) => unknown;

/** What consumers do that others, or they themselves, have to wait for longer than for a record. */
const disturbing: ReadonlySet<PropertyKey> = new Set([
  "close",
  "ready",
  "batches",
  Symbol.asyncIterator,
  Symbol.asyncDispose,
]);

/** Somebody whose waiting lets time run ahead. */
interface Attention {
  readonly time: ClusterTime;
  readonly process: SimulatedProcess;
}

/** The same client, except that the cluster's time runs ahead while its answers are waited for. */
export function attendedClient(
  client: RopewalkClient,
  time: ClusterTime,
  process: SimulatedProcess,
): RopewalkClient {
  return attended(client, { time, process });
}

function attended<T extends object>(target: T, attention: Attention): T {
  const methods = new Map<PropertyKey, Method>();
  const self: T = new Proxy(target, {
    // The target's own methods see the target, or they would not find their private fields.
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args) => answerOf(name, Reflect.apply(value, target, args));
        methods.set(name, method);
      }
      return method;
    },
  });
  const answerOf = (name: PropertyKey, answer: unknown): unknown => {
    if (isDisturbing(target, name)) attention.time.disturbed();
    if (answer === target) return self;
    if (answer instanceof Promise) return waited(target, name, answer, attention);
    return isPart(answer) ? attended(answer, attention) : answer;
  };
  return self;
}

function waited(
  owner: object,
  name: PropertyKey,
  answer: Promise<unknown>,
  { process, time }: Attention,
): Promise<unknown> {
  const isReading = isIterator(owner) || (owner instanceof Consumer && name === "ready");
  return isReading ? time.waitForRecord(answer, process) : time.waitFor(answer, process);
}

function isDisturbing(owner: object, name: PropertyKey): boolean {
  return owner instanceof Admin || (owner instanceof Consumer && disturbing.has(name));
}

function isPart(value: unknown): value is object {
  return (
    value instanceof Producer ||
    value instanceof Consumer ||
    value instanceof Admin ||
    isIterator(value)
  );
}

function isIterator(value: unknown): value is AsyncIterator<unknown> {
  return typeof value === "object" && value !== null && "next" in value;
}
