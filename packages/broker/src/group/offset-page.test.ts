import { expect, test } from "vitest";
import { offsetPage, type PagedOffset } from "./offset-page.ts";

const partitionsOf = (items: readonly PagedOffset[]): number[] =>
  items.map(({ partition }) => partition);

function offsetsOf(count: number, metadata = ""): PagedOffset[] {
  return Array.from({ length: count }, (_, at) => ({
    topic: "t",
    partition: count - 1 - at,
    metadata,
  }));
}

test("offsetPage() leaves what fits in the order in which it was asked for", () => {
  const page = offsetPage(offsetsOf(3), { pageSize: 0, pageToken: "" });
  expect(partitionsOf(page.items)).toEqual([2, 1, 0]);
  expect(page.nextPageToken).toBe("");
});

test.each([
  { count: 5, metadata: "", pageSize: 2, pageCount: 3 },
  { count: 2000, metadata: "ä".repeat(4096), pageSize: 0, pageCount: 12 },
  { count: 2000, metadata: "ä".repeat(4096), pageSize: 100, pageCount: 20 },
  { count: 100_001, metadata: "", pageSize: 0, pageCount: 2 },
])(
  "offsetPage() goes through $count offsets once, on pages of bounded bytes and number ($pageSize)",
  ({ count, metadata, pageCount, pageSize }) => {
    const offsets = offsetsOf(count, metadata);
    const seen: number[] = [];
    let pages = 0;
    for (let pageToken = ""; ;) {
      const { items, nextPageToken } = offsetPage(offsets, { pageSize, pageToken });
      expect(items.length * Buffer.byteLength(metadata)).toBeLessThanOrEqual(2 * 1024 * 1024);
      seen.push(...partitionsOf(items));
      pages += 1;
      pageToken = nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen).toEqual(partitionsOf(offsets).toReversed());
    expect(pages).toBe(pageCount);
  },
);
