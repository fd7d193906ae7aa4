import { NodeClock, NodeRandom } from "@ropewalk/runtime/node";
import { RopewalkClient, type RopewalkClientOptions } from "./client.ts";

/** The options of {@link createClient}: those of a client, without what Node supplies. */
export type CreateClientOptions = Omit<RopewalkClientOptions, "clock" | "random">;

/** A client that takes time and randomness from Node: `createClient({ bootstrapServers: ["localhost:7700"] })`. */
export function createClient(options: CreateClientOptions): RopewalkClient {
  return new RopewalkClient({ ...options, clock: new NodeClock(), random: new NodeRandom() });
}
