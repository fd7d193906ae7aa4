import { ByteReader, ByteWriter, RopewalkError } from "@ropewalk/protocol";
import {
  type BrokerDuty as BrokerDutyName,
  type BrokerLifeState,
  type BrokerLifeStateInit,
  type BrokerRegistered,
  type BrokerRegisteredInit,
  type BrokerStateChanged,
  type BrokerStateChangedInit,
  decodeBrokerLifeState,
  decodeBrokerRegistered,
  encodeBrokerLifeState,
  encodeBrokerRegistered,
} from "@ropewalk/protocol/internal";
import {
  type BrokerDuty,
  type BrokerImage,
  type BrokerLife,
  type BrokerLifeChange,
  newBrokerLife,
} from "./broker-life.ts";
import type { BrokerRegistration } from "./broker-registration.ts";

const dutyNames: Readonly<Record<BrokerDuty, BrokerDutyName>> = {
  serving: "SERVING",
  drained: "DRAINED",
  decommissioned: "DECOMMISSIONED",
};

/*
 * What is kept of a broker: the message of its registration, that of its life, and since when it has its directory, where
 * that is known.
 *
 *   registration: length v, bytes | life: length v, bytes | directory index v, or nothing
 */

/** A broker to the bytes that are kept of it. */
export function encodeBrokerState(broker: BrokerImage): Uint8Array {
  const writer = new ByteWriter(256);
  writer.bytes(encodeBrokerRegistered(registrationMessage(broker)));
  writer.bytes(encodeBrokerLifeState(lifeMessage(broker)));
  if (broker.directoryIndex !== undefined) writer.uvarint(broker.directoryIndex);
  return Uint8Array.from(writer.finish());
}

/** How the message of a registration begins: what was kept before brokers had a life. No length is that small. */
const firstTag = 0x08;

/** A broker from the bytes that are kept of it. */
export function decodeBrokerState(bytes: Uint8Array): BrokerImage {
  if (bytes[0] === firstTag) {
    return { ...registrationOf(decodeBrokerRegistered(bytes)), ...newBrokerLife };
  }
  const reader = new ByteReader(bytes);
  const registration = registrationOf(decodeBrokerRegistered(reader.bytes()));
  const life = lifeOf(decodeBrokerLifeState(reader.bytes()));
  const directoryIndex = reader.remaining > 0 ? reader.uvarint() : undefined;
  return { ...registration, ...life, directoryIndex };
}

/** A registration as a message: what a broker sends to the controller. */
export function registrationMessage(broker: BrokerRegistration): BrokerRegisteredInit {
  const { client, featureLevels, peer } = broker;
  return {
    brokerId: broker.brokerId,
    directoryId: broker.directoryId,
    clientHost: client.host,
    clientPort: client.port,
    peerHost: peer.host,
    peerPort: peer.port,
    rack: broker.rack,
    version: broker.version,
    startCount: broker.startCount,
    diskCapacityBytes: broker.diskCapacityBytes,
    featureLevelMin: featureLevels.min,
    featureLevelMax: featureLevels.max,
  };
}

/** A registration from its message. Throws INVALID_REQUEST where there is none. */
export function registrationOf(message: BrokerRegistered | undefined): BrokerRegistration {
  if (message === undefined) {
    throw new RopewalkError("INVALID_REQUEST", "Cannot take the message: it lacks its broker");
  }
  return {
    brokerId: message.brokerId,
    directoryId: message.directoryId,
    client: { host: message.clientHost, port: message.clientPort },
    peer: { host: message.peerHost, port: message.peerPort },
    rack: message.rack,
    version: message.version,
    startCount: message.startCount,
    diskCapacityBytes: message.diskCapacityBytes,
    featureLevels: { min: message.featureLevelMin, max: message.featureLevelMax },
  };
}

/** A change of a broker's life as a message. */
export function lifeChangeMessage(change: BrokerLifeChange): BrokerStateChangedInit {
  const { brokerId, directoryId, life } = change;
  const state = life === "removed" ? ({ duty: "REMOVED" } as const) : lifeMessage(life);
  return { brokerId, directoryId, state };
}

/** A change of a broker's life from its message. */
export function lifeChangeOf({
  brokerId,
  directoryId,
  state,
}: BrokerStateChanged): BrokerLifeChange {
  const life = state?.duty === "REMOVED" ? "removed" : lifeOf(state);
  return { kind: "brokerStateChanged", brokerId, directoryId, life };
}

/** What an admin wants of a broker, as messages have it. */
export function dutyMessage(duty: BrokerDuty): BrokerDutyName {
  return dutyNames[duty];
}

/** What an admin wants of a broker, from a message. */
export function dutyOf(name: BrokerDutyName | undefined): BrokerDuty {
  if (name === "DRAINED") return "drained";
  return name === "DECOMMISSIONED" ? "decommissioned" : "serving";
}

function lifeMessage({ duty, fenced }: BrokerLife): BrokerLifeStateInit {
  return { duty: dutyNames[duty], fenced };
}

function lifeOf(state: BrokerLifeState | undefined): BrokerLife {
  if (state === undefined) return newBrokerLife;
  return { duty: dutyOf(state.duty), fenced: state.fenced };
}
