import { ByteReader, ByteWriter } from "@ropewalk/protocol";
import type { Address } from "@ropewalk/runtime";
import {
  corruptFrame,
  frameKind,
  patchFrameHeader,
  reserveFrameHeader,
  type FrameKind,
} from "./frame-header.ts";
import { lanes, spokenPeerVersions } from "./peer-config.ts";
import type { Lane, PeerVersions } from "./peer-config.ts";

/**
 * The handshake: whoever opened the connection says hello, the other answers. Both with numbers in
 * big-endian, texts as length (uvarint) and UTF-8.
 *
 *     hello   | magic u32 | versionMin u16 | versionMax u16 | lane u8 | brokerId u32 | targetBrokerId u32 |
 *             | directoryId | clusterId | host | port u16 | enteredIndex v |
 *     answer  | magic u32 | version u16 (0: refused) | brokerId u32 | directoryId | clusterId | refusal |
 *             | enteredIndex v |
 *
 * Nothing else is sent before the answer has said yes. Bytes behind the known fields are ignored, so
 * that later versions can say more; early ones said nothing behind clusterId and refusal. v is an unsigned varint.
 */
const magic = 0x5257_504b; // "RWPK"

/** A handshake frame's largest payload; everything else may be said after it. */
export const helloBytesMax = 4096;
const refusalCharsMax = 1000;

/** Who somebody is. */
export interface PeerIdentity {
  readonly brokerId: number;
  /** Of the data directory: a broker that lost its disk is another one. */
  readonly directoryId: string;
  /** Empty as long as it belongs to none. */
  readonly clusterId: string;
  /** The entry of the metadata's log that took the directory in; 0: it helped to form the cluster. Absent: it does not say. */
  readonly enteredIndex?: number | undefined;
}

/** What a peer said about itself. */
export interface PeerHello extends PeerIdentity {
  readonly lane: Lane;
  /** Who opened the connection. */
  readonly openedBy: "peer" | "self";
}

/** What whoever opens a connection says. */
export interface Hello extends PeerIdentity {
  readonly lane: Lane;
  readonly versionMin: number;
  readonly versionMax: number;
  /** Whom the connection is meant for. */
  readonly targetBrokerId: number;
  /** Where peers reach whoever opens it; absent where that says nothing. */
  readonly address?: Address | undefined;
}

/** What whoever accepted it answers. */
export interface HelloAnswer extends PeerIdentity {
  /** The version both speak from now on; 0 with a refusal. */
  readonly version: number;
  readonly refusal: string | undefined;
}

/** A whole frame. */
export function encodeHello(hello: Hello): Buffer {
  return frame(frameKind.hello, (writer) => {
    writer.uint32(magic).uint16(hello.versionMin).uint16(hello.versionMax);
    writer.uint8(lanes.indexOf(hello.lane)).uint32(hello.brokerId).uint32(hello.targetBrokerId);
    writer.string(hello.directoryId).string(hello.clusterId);
    if (hello.address === undefined) return;
    writer
      .string(hello.address.host)
      .uint16(hello.address.port)
      .uvarint(hello.enteredIndex ?? 0);
  });
}

/** Reads a frame's payload. Throws CORRUPT_MESSAGE. */
export function decodeHello(payload: Uint8Array): Hello {
  const reader = new ByteReader(payload);
  expectMagic(reader);
  const versionMin = reader.uint16();
  const versionMax = reader.uint16();
  const laneNumber = reader.uint8();
  const lane = lanes[laneNumber];
  if (lane === undefined) throw corruptFrame(`no lane has the number ${laneNumber}`);
  const brokerId = reader.uint32();
  const targetBrokerId = reader.uint32();
  const directoryId = reader.string();
  const clusterId = reader.string();
  const hello = { lane, versionMin, versionMax, brokerId, targetBrokerId, directoryId, clusterId };
  if (reader.remaining === 0) return hello;
  const address = { host: reader.string(), port: reader.uint16() };
  return { ...hello, address, enteredIndex: enteredIndexOf(reader) };
}

/** The last of what is said; early versions do not say it. */
function enteredIndexOf(reader: ByteReader): number | undefined {
  return reader.remaining > 0 ? reader.uvarint() : undefined;
}

/** A whole frame. A refusal is cut to a thousand characters. */
export function encodeHelloAnswer(answer: HelloAnswer): Buffer {
  return frame(frameKind.helloAnswer, (writer) => {
    writer.uint32(magic).uint16(answer.version).uint32(answer.brokerId);
    writer.string(answer.directoryId).string(answer.clusterId);
    writer.string((answer.refusal ?? "").slice(0, refusalCharsMax));
    if (answer.enteredIndex !== undefined) writer.uvarint(answer.enteredIndex);
  });
}

/** Reads a frame's payload. Throws CORRUPT_MESSAGE. */
export function decodeHelloAnswer(payload: Uint8Array): HelloAnswer {
  const reader = new ByteReader(payload);
  expectMagic(reader);
  const version = reader.uint16();
  const brokerId = reader.uint32();
  const directoryId = reader.string();
  const clusterId = reader.string();
  const reason = reader.string();
  const refusal = version === 0 ? reason || "no reason given" : undefined;
  const enteredIndex = enteredIndexOf(reader);
  return { version, brokerId, directoryId, clusterId, refusal, enteredIndex };
}

/** Why `self` must not take a connection that begins with `hello`; undefined where nothing speaks against it. */
export function helloFault(
  hello: Hello,
  self: PeerIdentity,
  spoken: PeerVersions = spokenPeerVersions,
): string | undefined {
  if (hello.versionMin > spoken.max || hello.versionMax < spoken.min) {
    const theirs = `${hello.versionMin} to ${hello.versionMax}`;
    return `no protocol version in common: ${theirs} against ${spoken.min} to ${spoken.max}`;
  }
  if (hello.brokerId === self.brokerId) {
    return hello.directoryId === self.directoryId
      ? `broker ${self.brokerId} connected to itself: the address of broker ${hello.targetBrokerId} is its own`
      : `broker id ${self.brokerId} is taken twice: by data directory ${self.directoryId} and by ${hello.directoryId}`;
  }
  if (hello.targetBrokerId !== self.brokerId) {
    return `wrong address: broker ${self.brokerId} answers here, not broker ${hello.targetBrokerId}`;
  }
  return clusterFault(hello, self);
}

/** Why `self` must not use a connection it opened to `targetBrokerId` that was answered so. */
export function helloAnswerFault(
  answer: HelloAnswer,
  self: PeerIdentity,
  targetBrokerId: number,
  spoken: PeerVersions = spokenPeerVersions,
): string | undefined {
  if (answer.version < spoken.min || answer.version > spoken.max) {
    return `the peer chose protocol version ${answer.version}, which was not offered`;
  }
  if (answer.brokerId !== targetBrokerId) {
    return `wrong address: broker ${answer.brokerId} answers there, not broker ${targetBrokerId}`;
  }
  return clusterFault(answer, self);
}

function clusterFault(peer: PeerIdentity, self: PeerIdentity): string | undefined {
  if (peer.clusterId === "" || self.clusterId === "" || peer.clusterId === self.clusterId) {
    return undefined;
  }
  return `broker ${peer.brokerId} belongs to cluster ${peer.clusterId}, broker ${self.brokerId} to cluster ${self.clusterId}`;
}

function expectMagic(reader: ByteReader): void {
  if (reader.uint32() !== magic) throw corruptFrame("a hello without its magic number");
}

function frame(kind: FrameKind, write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  reserveFrameHeader(writer);
  const headerEnd = writer.length;
  write(writer);
  patchFrameHeader(writer, kind, writer.length - headerEnd);
  return writer.finish();
}
