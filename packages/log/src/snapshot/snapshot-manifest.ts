import { ByteReader, ByteWriter } from "@ropewalk/protocol";
import { decodeSegments, encodeSegments } from "../checkpoint/checkpoint-codec.ts";
import type { SegmentInfo } from "../segment/segment-info.ts";

/*
 * What a replica needs to take over a group's history from another broker: which segments there are there,
 * and the state machine as of the last entry in them. "v" is an unsigned varint as in a checkpoint.
 *
 *   index v | end offset v | raft first index v | start offset v | run count v | per run: start index v,
 *   term v | segments as in a checkpoint | image: length v, bytes
 */

/** A group's history as of one entry. The segments' files are fetched one by one. */
export interface SnapshotManifest {
  /** The last entry that is contained, in the segments and in the image. */
  readonly index: number;
  /** The offset after that entry. */
  readonly endOffset: number;
  readonly raftFirstIndex: number;
  readonly startOffset: number;
  readonly termRuns: readonly (readonly [startIndex: number, term: number])[];
  readonly segments: readonly SegmentInfo[];
  /** The state machine as of `index`; opaque here. */
  readonly image: Uint8Array;
}

/** To bytes: what travels as the data of a Raft snapshot. */
export function encodeSnapshotManifest(manifest: SnapshotManifest): Uint8Array {
  const { image, segments, termRuns } = manifest;
  const writer = new ByteWriter(1024 + image.length);
  writer.uvarint(manifest.index).uvarint(manifest.endOffset);
  writer.uvarint(manifest.raftFirstIndex).uvarint(manifest.startOffset);
  writer.uvarint(termRuns.length);
  for (const [startIndex, term] of termRuns) writer.uvarint(startIndex).uvarint(term);
  encodeSegments(writer, segments);
  writer.bytes(image);
  return writer.finish();
}

/** From bytes. Throws CORRUPT_MESSAGE where they are no manifest. */
export function decodeSnapshotManifest(bytes: Uint8Array): SnapshotManifest {
  const reader = new ByteReader(bytes);
  const [index, endOffset] = [reader.uvarint(), reader.uvarint()];
  const [raftFirstIndex, startOffset] = [reader.uvarint(), reader.uvarint()];
  const termRuns: [number, number][] = [];
  for (let left = reader.uvarint(); left > 0; left--) {
    termRuns.push([reader.uvarint(), reader.uvarint()]);
  }
  const segments = decodeSegments(reader);
  const image = reader.bytes();
  reader.expectEnd();
  return { index, endOffset, raftFirstIndex, startOffset, termRuns, segments, image };
}
