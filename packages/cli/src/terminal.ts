import process from "node:process";

import { OutputClosedError, writeTo } from "./stream-write.ts";

/** Prints a result on standard output, and waits until it was taken. A reader that went away is no failure. */
export async function printResult(text: string): Promise<void> {
  try {
    await writeTo(process.stdout, text);
  } catch (error) {
    if (!(error instanceof OutputClosedError)) throw error;
  }
}

/** Prints a line for people on standard error, and waits until it was taken. */
export function printNotice(line: string): Promise<void> {
  // Where words cannot be written, there are no words to say so.
  return writeTo(process.stderr, `${line}\n`).catch(() => {});
}

/** Prints a value as one line of JSON on standard output. */
export function printJson(value: unknown): Promise<void> {
  return printResult(`${JSON.stringify(value)}\n`);
}
