import type { Clock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { HttpServer } from "./http.ts";
import type { KeyValueStores } from "./key-value-store.ts";
import type { Logger } from "./logger.ts";
import type { Network } from "./network.ts";
import type { Random } from "./random.ts";

/** Everything a node needs from the world. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly http: HttpServer;
  readonly keyValueStores: KeyValueStores;
  readonly logger: Logger;
}
