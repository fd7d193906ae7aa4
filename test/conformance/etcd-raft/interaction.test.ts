import { describe, expect, test } from "vitest";
import { InteractionEnvironment } from "./interaction-environment.ts";
import { hasTestdata, loadPack, skipReason } from "./testdata.ts";

const LOG_LINE = /^\s*(DEBUG|INFO|WARN|ERROR) /;

/** What two nodes say to each other and do, without what they log about it. */
function withoutLog(text: string): string {
  const lines = text.split("\n").filter((line) => !LOG_LINE.test(line));
  return lines.length === 0 ? "ok" : lines.join("\n");
}

describe.skipIf(!hasTestdata)("etcd/raft interaction pack, protocol", () => {
  for (const file of loadPack("interaction")) {
    test(file.name, () => {
      const environment = new InteractionEnvironment();
      for (const directive of file.directives) {
        const actual = withoutLog(environment.run(directive));
        expect(actual, `line ${directive.line}`).toBe(withoutLog(directive.expected));
      }
    });
  }
});

describe.skipIf(!hasTestdata)("etcd/raft interaction pack, with every log line", () => {
  for (const file of loadPack("interaction")) {
    test(file.name, () => {
      const environment = new InteractionEnvironment();
      for (const directive of file.directives) {
        expect(environment.run(directive), `line ${directive.line}`).toBe(directive.expected);
      }
    });
  }
});

if (!hasTestdata) test.skip(skipReason, () => {});
