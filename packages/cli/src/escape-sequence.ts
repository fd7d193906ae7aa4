import type { Parsed } from "./parsed.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "0": "\0",
  "\\": "\\",
};

/** Turns text with `\n \t \r \0 \\ \xHH` into bytes (UTF-8); any other backslash is a fault. */
export function parseEscapes(text: string): Parsed<Uint8Array> {
  const pieces: Buffer[] = [];
  for (const [token, hex, name] of text.matchAll(/\\x([0-9a-fA-F]{2})|\\(.?)|[^\\]+/gsu)) {
    if (hex !== undefined) pieces.push(Buffer.from(hex, "hex"));
    else if (name === undefined) pieces.push(Buffer.from(token));
    else if (Object.hasOwn(SIMPLE, name)) pieces.push(Buffer.from(SIMPLE[name] ?? ""));
    else return { fault: name === "" ? "it ends in a lone \\" : `${token} is not known` };
  }
  return { value: Buffer.concat(pieces) };
}
