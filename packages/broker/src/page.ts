/** Items on a page when the client asks for none or more, unless the list says otherwise. */
export const pageSizeMax = 1000;

/** A number as a key that is in the order of numbers. */
export function numberKey(number: number): string {
  return String(number).padStart(10, "0");
}

/** A partition as a key: a space comes before all that topics may be called. */
export function partitionKey({
  partition = 0,
  topic = "",
}: {
  readonly topic?: string;
  readonly partition?: number;
}): string {
  return `${topic} ${numberKey(partition)}`;
}

/**
 * The page of `items`, which are in the order of their keys, that follows `pageToken`: the last key of
 * the page before, so that a list may change between two pages.
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  pageSize: number,
  pageToken: string,
  sizeMax: number = pageSizeMax,
): { readonly items: readonly T[]; readonly nextPageToken: string } {
  const size = pageSize > 0 ? Math.min(pageSize, sizeMax) : sizeMax;
  const rest = pageToken === "" ? items : items.filter((item) => keyOf(item) > pageToken);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const isLast = rest.length <= size || last === undefined;
  return { items: page, nextPageToken: isLast ? "" : keyOf(last) };
}
