import { Broker } from "@ropewalk/broker";
import { nodeRuntime } from "@ropewalk/runtime/node";

import { formatAddress } from "./address.ts";
import type { BrokerSettings } from "./broker-settings.ts";
import { packageVersion } from "./package-version.ts";
import { stopRequested } from "./stop-signal.ts";

/** Runs one broker until it is told to stop. Its log, on standard output, tells of every step. */
export async function runBrokerUntil(settings: BrokerSettings, stop: AbortSignal): Promise<void> {
  const runtime = nodeRuntime({ log: { level: settings.logLevel } });
  const logger = runtime.logger.child({ broker: settings.brokerId });
  logger.info("The broker is starting.", {
    version: packageVersion(),
    dataDirectory: settings.dataDirectory,
    clients: formatAddress(settings.client.advertise),
    peers: formatAddress(settings.peer.advertise),
    http: formatAddress(settings.http.listen),
  });
  const broker = await Broker.start(settings, { ...runtime, logger });
  const stopping = stopRequested(stop);
  if ((await Promise.race([broker.ready.then(() => "ready"), stopping])) === "ready") {
    logger.info("The broker is ready.");
    await stopping;
  }
  logger.info("The broker is stopping.");
  await broker.stop();
  logger.info("The broker has stopped.");
}
