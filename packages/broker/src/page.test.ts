import { expect, test } from "vitest";
import { pageOf, pageSizeMax } from "./page.ts";

const letters = ["a", "b", "c", "d", "e"];
const self = (item: string): string => item;

test("pageOf() goes through everything once, page by page", () => {
  const seen: string[] = [];
  let token = "";
  do {
    const page = pageOf(letters, self, 2, token);
    seen.push(...page.items);
    token = page.nextPageToken;
  } while (token !== "");
  expect(seen).toEqual(letters);
});

test("pageOf() goes on after a key that is gone meanwhile", () => {
  expect(pageOf(["a", "c", "d"], self, 2, "b").items).toEqual(["c", "d"]);
});

test("pageOf() bounds the page, whatever is asked for", () => {
  const many = Array.from({ length: pageSizeMax + 1 }, (_, i) => String(i).padStart(6, "0"));
  expect(pageOf(many, self, 0, "").items.length).toBe(pageSizeMax);
  expect(pageOf(many, self, 1e9, "").items.length).toBe(pageSizeMax);
});
