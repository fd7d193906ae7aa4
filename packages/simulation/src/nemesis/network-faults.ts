import { clientHosts } from "../workload/client-seats.ts";
import { type Fault, type FaultScene, nothingToMend } from "./fault-scene.ts";

export const partition: Fault = (scene, { host }) => {
  // Who is on this side of it, and has to connect anew, sends again what nobody has answered yet.
  if (scene.random.chance(0.5)) dropClients(scene, host);
  return cutAround(scene, host, "both");
};

export const partitionOneWay: Fault = (scene, { host }) =>
  cutAround(scene, host, scene.random.chance(0.5) ? "in" : "out");

/** Until peace. */
export const partitionForLong: Fault = (scene, { host }) => {
  cutAround(scene, host, "both");
  return nothingToMend;
};

/** Two brokers do not reach each other, and everybody else reaches both. */
export const cutLink: Fault = ({ cluster, random, world }, { host }) => {
  const { links } = world;
  const others = cluster.machines.map((each) => each.host).filter((each) => each !== host);
  const other = random.pick(others);
  links.cut(host, other);
  links.cut(other, host);
  return () => {
    links.heal(host, other);
    links.heal(other, host);
  };
};

const slowMsMax = 400;

export const slowLink: Fault = (scene, { host }) => {
  const { links } = scene.world;
  const other = scene.random.pick(othersOf(scene, host));
  links.slow(host, other, scene.random.between(1, slowMsMax));
  return () => links.heal(host, other);
};

/** All connections between two hosts, or those of all clients, end; what was on its way is lost, and both sides hear of it. */
export const resetConnections: Fault = (scene, { host }) => {
  if (scene.random.chance(0.5)) dropClients(scene, host);
  else scene.world.links.reset(host, scene.random.pick(othersOf(scene, host)));
  return nothingToMend;
};

const dropMsMax = 1000;

/** Within a second every client loses its connections to a broker, one after the other. */
function dropClients({ random, world }: FaultScene, host: string): void {
  for (const client of clientHosts) {
    world.loop.schedule(random.between(0, dropMsMax), () => world.links.reset(host, client));
  }
}

function cutAround(scene: FaultScene, host: string, direction: "in" | "out" | "both"): () => void {
  const others = othersOf(scene, host);
  const { links } = scene.world;
  for (const other of others) {
    if (direction !== "in") links.cut(host, other);
    if (direction !== "out") links.cut(other, host);
  }
  return () => {
    for (const other of others) {
      links.heal(host, other);
      links.heal(other, host);
    }
  };
}

/** The other brokers, and clients, too, now and then. */
function othersOf({ cluster, random }: FaultScene, host: string): readonly string[] {
  const brokers = cluster.machines.map((each) => each.host);
  const all = random.chance(0.3) ? [...brokers, ...clientHosts] : brokers;
  return all.filter((other) => other !== host);
}
