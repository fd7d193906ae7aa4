import { RopewalkError } from "@ropewalk/protocol";

/** Pages of a list that are followed; more than that is an endless list. */
const pagesMax = 10_000;

/** Reads page after page, beginning with the token "", until one says that it is the last by the token "". */
export async function followPages(readPage: (pageToken: string) => Promise<string>): Promise<void> {
  let pageToken = "";
  for (let page = 0; page < pagesMax; page++) {
    pageToken = await readPage(pageToken);
    if (pageToken === "") return;
  }
  throw new RopewalkError(
    "UNKNOWN_SERVER_ERROR",
    `Cannot read a list: it has more than ${pagesMax} pages`,
  );
}
