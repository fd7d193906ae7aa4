import process from "node:process";

import { Broker } from "@ropewalk/broker";
import type { Logger } from "@ropewalk/runtime";
import { nodeRuntime } from "@ropewalk/runtime/node";

import { formatAddress } from "./address.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { failure, messageOf } from "./cli-error.ts";
import { packageVersion } from "./package-version.ts";
import { findAddressInUse } from "./port-check.ts";
import { stopRequested } from "./stop-signal.ts";

/** Runs one broker until it is told to stop. Its log, on standard output, tells of every step. */
export async function runBrokerUntil(settings: BrokerSettings, stop: AbortSignal): Promise<void> {
  const runtime = nodeRuntime({ log: { level: settings.logLevel } });
  const logger = runtime.logger.child({ broker: settings.brokerId });
  logDeath(logger);
  logger.info("The broker is starting.", {
    version: packageVersion(),
    dataDirectory: settings.dataDirectory,
    clients: formatAddress(settings.client.advertise),
    peers: formatAddress(settings.peer.advertise),
    http: formatAddress(settings.http.listen),
  });
  await checkPorts(settings);
  const broker = await Broker.start(settings, runtime).catch((error: unknown) => {
    throw failure(`cannot start broker ${settings.brokerId}: ${messageOf(error)}`, error);
  });
  const stopping = stopRequested(stop);
  if ((await Promise.race([broker.ready.then(() => "ready"), stopping])) === "ready") {
    logger.info("The broker is ready.");
    await stopping;
  }
  logger.info("The broker is stopping.");
  await broker.stop();
  logger.info("The broker has stopped.");
}

/** Says which flag to change where a port is in use. */
async function checkPorts({ client, peer, http }: BrokerSettings): Promise<void> {
  const doors = [
    { flag: "--listen", address: client.listen },
    { flag: "--peer-listen", address: peer.listen },
    { flag: "--http-listen", address: http.listen },
  ];
  const inUse = await findAddressInUse(doors.map((door) => door.address));
  const door = doors.find(({ address }) => address === inUse);
  if (door === undefined) return;
  const address = formatAddress(door.address);
  throw failure(
    `cannot listen on ${address}: the port is in use; stop its owner, or use another ${door.flag}`,
  );
}

/** A broken invariant ends the process; whoever collects the log shall see why. */
function logDeath(logger: Logger): void {
  process.on("uncaughtException", (error) => {
    logger.error("The broker broke and ends at once.", { error });
    process.exit(1);
  });
}
