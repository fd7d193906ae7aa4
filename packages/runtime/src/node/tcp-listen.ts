import type { Server } from "node:net";
import { NetworkError } from "../network.ts";
import type { Address, NetworkErrorCode } from "../network.ts";
import { errnoOf } from "./errno.ts";

/** Starts `server` on `address`; answers the port in use, or rejects with a NetworkError. */
export function listen(server: Server, address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(listenFailure(address, error));
    server.once("error", onError);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off("error", onError);
      resolve(portOf(server));
    });
  });
}

function portOf(server: Server): number {
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("A TCP server has no port");
  return bound.port;
}

function listenFailure(address: Address, cause: Error): NetworkError {
  const [code, reason] = reasonOf(cause);
  return new NetworkError(code, `Cannot listen on ${address.host}:${address.port}: ${reason}`, {
    cause,
  });
}

function reasonOf(cause: Error): [code: NetworkErrorCode, reason: string] {
  switch (errnoOf(cause)) {
    case "EADDRINUSE":
      return ["PORT_IN_USE", "the port is in use"];
    case "EACCES":
      return ["PORT_UNAVAILABLE", "this user may not listen on that port"];
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return ["PORT_UNAVAILABLE", "the host is not an address of this machine"];
    default:
      return ["PORT_UNAVAILABLE", cause.message];
  }
}
