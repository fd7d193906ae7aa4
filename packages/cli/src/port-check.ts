import { createServer } from "node:net";

import type { Address } from "@ropewalk/runtime";

/**
 * Answers the first of the addresses that somebody listens on already. Asking beforehand lets a
 * command say so before it has created anything; that the port may be taken a moment later stays
 * the business of whoever listens.
 */
export async function findAddressInUse(
  addresses: readonly Address[],
): Promise<Address | undefined> {
  const inUse = await Promise.all(addresses.map(isInUse));
  return addresses.find((_, position) => inUse[position] === true);
}

function isInUse(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRINUSE"));
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.close(() => resolve(false));
    });
  });
}
