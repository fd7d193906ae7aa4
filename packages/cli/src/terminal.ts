import process from "node:process";

/** Prints a result on standard output, and waits until it was taken. A reader that went away is no failure. */
export function printResult(text: string): Promise<void> {
  return write(process.stdout, text);
}

/** Prints a line for people on standard error, and waits until it was taken. */
export function printNotice(line: string): Promise<void> {
  return write(process.stderr, `${line}\n`);
}

/** Prints a value as one line of JSON on standard output. */
export function printJson(value: unknown): Promise<void> {
  return printResult(`${JSON.stringify(value)}\n`);
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
