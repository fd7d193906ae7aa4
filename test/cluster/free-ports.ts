import { createServer } from "node:net";

/**
 * Where ports are looked for: below those that the system gives to outgoing connections. A port of
 * that range may be taken by a connection while its broker is down, or be connected to itself.
 */
const portMin = 12_000;
const portMax = 32_000;
const attemptsMax = 200;

/** Ports that were free a moment ago, all different. */
export function freePorts(count: number): Promise<number[]> {
  return freePortsAt(Array.from({ length: count }, (_, i) => i));
}

/** A port such that it and those at the given distances above it were free a moment ago. */
export async function freePortBase(distances: readonly number[]): Promise<number> {
  const [first = 0] = await freePortsAt(distances);
  return first - (distances[0] ?? 0);
}

async function freePortsAt(distances: readonly number[]): Promise<number[]> {
  const span = Math.max(...distances) + 1;
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const base = portMin + Math.floor(Math.random() * (portMax - portMin - span));
    const ports = distances.map((distance) => base + distance);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no ${distances.length} free ports in ${attemptsMax} attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
