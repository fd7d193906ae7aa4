/** Items on a page when the client asks for none or more. */
export const pageSizeMax = 1000;

/**
 * The page of `items`, which are in the order of their keys, that follows `pageToken`: the last key of
 * the page before, so that a list may change between two pages.
 */
export function pageOf<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  pageSize: number,
  pageToken: string,
): { readonly items: readonly T[]; readonly nextPageToken: string } {
  const size = pageSize > 0 ? Math.min(pageSize, pageSizeMax) : pageSizeMax;
  const rest = pageToken === "" ? items : items.filter((item) => keyOf(item) > pageToken);
  const page = rest.slice(0, size);
  const last = page.at(-1);
  const isLast = rest.length <= size || last === undefined;
  return { items: page, nextPageToken: isLast ? "" : keyOf(last) };
}
