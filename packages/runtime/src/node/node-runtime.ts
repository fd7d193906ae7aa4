import type { Runtime } from "../runtime.ts";
import { LmdbStores } from "./lmdb-store.ts";
import { NodeClock } from "./node-clock.ts";
import { NodeDisk } from "./node-disk.ts";
import { NodeHttp } from "./node-http.ts";
import { NodeNetwork } from "./node-network.ts";
import type { NodeNetworkOptions } from "./node-network.ts";
import { NodeRandom } from "./node-random.ts";
import { pinoLogger } from "./pino-logger.ts";
import type { PinoLoggerOptions } from "./pino-logger.ts";

/** What can be chosen of a {@link nodeRuntime}. */
export interface NodeRuntimeOptions {
  readonly log?: PinoLoggerOptions;
  readonly network?: Omit<NodeNetworkOptions, "logger">;
}

/**
 * The world as Node and this machine offer it. Nothing is opened or started yet, except the file
 * that the log goes to, which throws where it cannot be opened.
 */
export function nodeRuntime(options: NodeRuntimeOptions = {}): Runtime {
  const logger = pinoLogger(options.log);
  return {
    clock: new NodeClock(),
    random: new NodeRandom(),
    disk: new NodeDisk(),
    network: new NodeNetwork({ ...options.network, logger }),
    http: new NodeHttp(logger),
    keyValueStores: new LmdbStores(),
    logger,
  };
}
