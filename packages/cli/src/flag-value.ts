import { InvalidArgumentError } from "commander";

import type { Parsed } from "./parsed.ts";

/** A flag's name and value of the form `name=value`. */
export interface NameValue {
  readonly name: string;
  readonly value: string;
}

/** Makes a flag's reader from a parser: a fault becomes an error that names the flag and its value. */
export function flagValue<Value>(parse: (text: string) => Parsed<Value>): (text: string) => Value {
  return (text) => {
    const parsed = parse(text);
    if (parsed.fault !== undefined) throw new InvalidArgumentError(`${capitalized(parsed.fault)}.`);
    return parsed.value;
  };
}

/** Reads whole numbers in [min, max]. */
export function integerFlag(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Gathers `name=value` from a flag that may be given several times; the value may contain `=`. */
export function collectNameValues(
  text: string,
  previous: readonly NameValue[] | undefined,
): NameValue[] {
  const position = text.indexOf("=");
  if (position < 1) throw new InvalidArgumentError("It must be NAME=VALUE.");
  return [...(previous ?? []), { name: text.slice(0, position), value: text.slice(position + 1) }];
}

function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
