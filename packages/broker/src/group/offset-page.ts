import { pageOf, partitionKey } from "../page.ts";

/** Which part of a long list is wanted. */
export interface PageRequest {
  /** 0: as much as fits. */
  readonly pageSize: number;
  /** Empty: the first page. */
  readonly pageToken: string;
}

/** What offsets on a page have in common. */
export interface PagedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly metadata?: string;
}

/** Offsets on one page. */
const offsetsPerPageMax = 100_000;

/** What they may take of a message together, but for one that is larger alone: it travels between brokers, too. */
const pageBytesMax = 2 * 1024 * 1024;

/** What an offset takes beside its texts, at the most. */
const offsetBytes = 32;

/** What a character takes in UTF-8, at the most. */
const characterBytesMax = 3;

/**
 * A page of a group's offsets. Where all of them fit on one and none is asked for, they stay in the order in which they
 * are; otherwise they are in that of their partitions.
 */
export function offsetPage<Offset extends PagedOffset>(
  offsets: readonly Offset[],
  { pageSize, pageToken }: PageRequest,
): { readonly items: readonly Offset[]; readonly nextPageToken: string } {
  const isWhole = pageSize === 0 && pageToken === "" && offsets.length <= offsetsPerPageMax;
  if (isWhole && countThatFits(offsets) === offsets.length)
    return { items: offsets, nextPageToken: "" };
  const sorted = offsets.toSorted((a, b) => (partitionKey(a) < partitionKey(b) ? -1 : 1));
  const page = pageOf(sorted, partitionKey, pageSize, pageToken, offsetsPerPageMax);
  const items = page.items.slice(0, countThatFits(page.items));
  const last = items.at(-1);
  if (items.length === page.items.length || last === undefined) return page;
  return { items, nextPageToken: partitionKey(last) };
}

/** How many of them a message can have, from the first one on. */
function countThatFits(offsets: readonly PagedOffset[]): number {
  let bytes = 0;
  for (const [count, { metadata = "", topic }] of offsets.entries()) {
    bytes += offsetBytes + (topic.length + metadata.length) * characterBytesMax;
    if (bytes > pageBytesMax && count > 0) return count;
  }
  return offsets.length;
}
