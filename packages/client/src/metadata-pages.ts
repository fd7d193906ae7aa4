import { type GetMetadataResponse, RopewalkError } from "@ropewalk/protocol";

/** Topics that one question names. */
const topicsMax = 1000;

/** How metadata is asked for, and what becomes of an answer. */
export interface MetadataPages {
  readonly ask: (topics: readonly string[]) => Promise<GetMetadataResponse>;
  readonly merge: (answer: GetMetadataResponse, topics: Iterable<string>) => void;
}

/** Asks for the metadata of topics, for a part of them at a time where they are too many for one answer. */
export async function readMetadata(topics: Iterable<string>, pages: MetadataPages): Promise<void> {
  const all = [...topics];
  if (all.length === 0) return readSome(all, pages);
  for (let at = 0; at < all.length; at += topicsMax) {
    await readSome(all.slice(at, at + topicsMax), pages);
  }
}

async function readSome(topics: readonly string[], pages: MetadataPages): Promise<void> {
  let answer: GetMetadataResponse;
  try {
    answer = await pages.ask(topics);
  } catch (error) {
    const isTooMuch = error instanceof RopewalkError && error.code === "MESSAGE_TOO_LARGE";
    if (!isTooMuch || topics.length < 2) throw error;
    const middle = Math.ceil(topics.length / 2);
    await readSome(topics.slice(0, middle), pages);
    return readSome(topics.slice(middle), pages);
  }
  pages.merge(answer, topics);
}
