import { expect, test } from "vitest";

import { fewVotersNote } from "./few-voters-note.ts";

test("fewVotersNote() says what the loss of a broker means where none can be spared", () => {
  expect(fewVotersNote(2).join(" ")).toMatch(/two brokers .* both are needed: .* Start another/);
  expect(fewVotersNote(1).join(" ")).toMatch(/one broker .* the metadata is lost\. Start two/);
});

test("fewVotersNote() is empty where one can be spared, or where it is not known", () => {
  expect([5, 4, 3, 0, undefined].flatMap((count) => fewVotersNote(count))).toEqual([]);
});
