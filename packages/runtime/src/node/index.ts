export { NodeClock } from "./node-clock.ts";
export { NodeDisk } from "./node-disk.ts";
export { NodeHttp } from "./node-http.ts";
export { NodeNetwork } from "./node-network.ts";
export type { NodeNetworkOptions } from "./node-network.ts";
export { NodeRandom } from "./node-random.ts";
export { pinoLogger } from "./pino-logger.ts";
export type { LogDestination, LogLevel, PinoLoggerOptions } from "./pino-logger.ts";
