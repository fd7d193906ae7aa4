import type { MetadataImage } from "../controller/metadata-image.ts";
import type { PeerHello } from "../peer/hello.ts";

/** The metadata as far as a broker has applied it. */
export interface KnownMetadata {
  readonly image: Pick<MetadataImage, "brokers">;
  readonly appliedIndex: number;
}

/**
 * Why a broker is not the one of its name: a wiped disk must not take the place of the one whose votes and entries were
 * counted. `undefined` where it is, and where an entry took it in that is not known here: then it is the newer one.
 */
export function directoryFault(
  { appliedIndex, image }: KnownMetadata,
  { brokerId, directoryId, enteredIndex = 0 }: Omit<PeerHello, "lane" | "openedBy">,
): string | undefined {
  const known = image.brokers.get(brokerId);
  if (known === undefined || known.directoryId === directoryId) return undefined;
  if (enteredIndex > appliedIndex) return undefined;
  return `broker ${brokerId} has data directory ${known.directoryId} in this cluster, not ${directoryId}`;
}
