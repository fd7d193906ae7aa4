/** One argument of a directive: `key`, `key=value` or `key=(value, value)`. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

/** One case of a data-driven file: a command, its input, and what it must print. */
export interface Directive {
  readonly line: number;
  readonly command: string;
  readonly arguments: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

/**
 * Parses the format of cockroachdb/datadriven: directives of the form
 *
 *     command key=value key=(v1, v2)
 *     input lines
 *     ----
 *     output lines
 *
 * separated by blank lines, with `#` comments between them. The form with two separators, which allows
 * blank lines in the output, does not occur in the files read here and is refused.
 */
export function parseDirectives(text: string): readonly Directive[] {
  const lines = text.split("\n");
  const directives: Directive[] = [];
  let position = 0;
  while (position < lines.length) {
    const head = (lines[position] ?? "").trim();
    if (head === "" || head.startsWith("#")) {
      position++;
      continue;
    }
    const line = position + 1;
    let commandLine = head;
    while (commandLine.endsWith("\\")) {
      position++;
      commandLine = commandLine.slice(0, -1) + (lines[position] ?? "").trim();
    }
    position++;
    const input: string[] = [];
    while (position < lines.length && (lines[position] ?? "").trim() !== "----") {
      input.push(lines[position] ?? "");
      position++;
    }
    position++;
    if ((lines[position] ?? "").trim() === "----") throw new Error(`line ${line}: blank-line form`);
    const output: string[] = [];
    while (position < lines.length && (lines[position] ?? "").trim() !== "") {
      output.push(lines[position] ?? "");
      position++;
    }
    const { command, args } = parseCommand(commandLine);
    directives.push({
      line,
      command,
      arguments: args,
      input: input.join("\n").trim(),
      expected: output.join("\n"),
    });
  }
  return directives;
}

function parseCommand(text: string): { command: string; args: Argument[] } {
  const words = splitOutsideParentheses(text, " ");
  const args: Argument[] = [];
  for (const word of words.slice(1)) {
    const equals = word.indexOf("=");
    if (equals < 0) args.push({ key: word, values: [] });
    else args.push({ key: word.slice(0, equals), values: parseValues(word.slice(equals + 1)) });
  }
  return { command: words[0] ?? "", args };
}

function parseValues(text: string): string[] {
  if (!text.startsWith("(")) return [text];
  const inner = text.slice(1, -1);
  return inner === "" ? [] : splitOutsideParentheses(inner, ",").map((value) => value.trim());
}

/** Splits at `separator`, but not inside parentheses; empty pieces are dropped. */
function splitOutsideParentheses(text: string, separator: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let piece = "";
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === separator && depth === 0) {
      pieces.push(piece);
      piece = "";
    } else {
      piece += character;
    }
  }
  pieces.push(piece);
  return pieces.filter((part) => part !== "");
}

/** The values of argument `key`, undefined when the directive has none of that name. */
export function argumentValues(directive: Directive, key: string): readonly string[] | undefined {
  return directive.arguments.find((argument) => argument.key === key)?.values;
}

/** The single value of argument `key`, or `fallback`. */
export function argumentValue(directive: Directive, key: string, fallback: string): string {
  return argumentValues(directive, key)?.[0] ?? fallback;
}

/** The arguments without a value, which are ids of nodes in most commands. */
export function positionalIds(directive: Directive): readonly number[] {
  return directive.arguments
    .filter((argument) => argument.values.length === 0)
    .map((argument) => Number(argument.key));
}
