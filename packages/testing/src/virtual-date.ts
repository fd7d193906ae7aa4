import { currentContext } from "./virtual-context.ts";

/** Has `Date` tell a simulation's time within it. Answers how to end that. */
export function replaceDate(): () => void {
  const RealDate = globalThis.Date;
  const wallMs = (): number => currentContext()?.process.wallMs() ?? RealDate.now();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) => {
      const made: unknown = Reflect.construct(
        target,
        args.length === 0 ? [wallMs()] : args,
        newTarget,
      );
      if (made instanceof RealDate) return made;
      throw new TypeError("Date made something else");
    },
    apply: () => new RealDate(wallMs()).toString(),
    get: (target, name, receiver): unknown =>
      name === "now" ? wallMs : Reflect.get(target, name, receiver),
  });
  return () => (globalThis.Date = RealDate);
}
