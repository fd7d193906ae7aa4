import type { BrokerMachine } from "../simulated-cluster.ts";
import type { Inode } from "../world/inode.ts";
import type { SeededRandom } from "../world/seeded-random.ts";
import { type Fault, nothingToMend } from "./fault-scene.ts";

const stallMsMax = 5000;

export const stall: Fault = ({ random }, { disk }) => {
  disk.stallMs = random.between(10, stallMsMax);
  return () => (disk.stallMs = 0);
};

const roomBytesMax = 1024 * 1024;

export const fill: Fault = ({ random }, { disk }) => {
  disk.bytesMax = disk.usedBytes() + random.integer(roomBytesMax);
  return () => (disk.bytesMax = Number.POSITIVE_INFINITY);
};

/** Writes and syncs fail (EIO). What was not synced is lost with the power. Somebody replaces the cable, and starts the broker again. */
export const breakDisk: Fault = ({ cluster }, machine) => {
  machine.disk.isBroken = true;
  return () => {
    machine.disk.isBroken = false;
    cluster.kill(machine, "kill");
    cluster.start(machine);
  };
};

/**
 * How long a file must have been left alone. Damage to the last flush looks like a torn write until a mark follows it
 * (packages/log/FORMAT.md); nobody can tell the two apart, so that nobody promises to.
 */
const restMs = 2000;

const rottenBytesMax = 4;

/** Some bytes of the log, or a whole sector, change where they lie. */
export const rot: Fault = ({ cluster, random, victim, world }) => {
  const { disk, host, process } = victim;
  const before = coldFiles(victim);
  world.loop.schedule(restMs, () => {
    if (victim.broker === undefined || victim.process !== process) return;
    if (!cluster.canSpare(victim)) return;
    const cold = [...coldFiles(victim)].filter(([path, count]) => before.get(path) === count);
    if (cold.length === 0) return;
    const [path] = random.pick(cold);
    const inode = disk.inode(path);
    if (random.chance(0.5)) rotSector(inode, random);
    else rotBits(inode, random);
    disk.hasRotted = true;
    world.trace.tell(host, `${path} rots`);
    // Mostly it lies there until somebody reads it; or the next start finds it.
    if (random.chance(0.5)) {
      cluster.kill(victim, random.chance(0.5) ? "kill" : "power");
      cluster.start(victim);
    }
  });
  return nothingToMend;
};

function rotBits(inode: Inode, random: SeededRandom): void {
  for (let left = 1 + random.integer(rottenBytesMax); left > 0; left--) {
    inode.rot(random.integer(inode.sizeBytes), 1 << random.integer(8));
  }
}

const sectorBytes = 512;

/** A whole sector is something else: with a record that lies there its name is gone, too. */
function rotSector(inode: Inode, random: SeededRandom): void {
  const start = random.integer(Math.ceil(inode.sizeBytes / sectorBytes)) * sectorBytes;
  const end = Math.min(start + sectorBytes, inode.sizeBytes);
  for (let position = start; position < end; position++) {
    inode.rot(position, 1 + random.integer(255));
  }
}

/** Files of the log by path, and how often each was written. */
function coldFiles({ broker, disk }: BrokerMachine): Map<string, number> {
  const files = new Map<string, number>();
  if (broker === undefined) return files;
  for (const path of disk.paths()) {
    const { sizeBytes, writeCount } = disk.inode(path);
    if (path.startsWith("data/log/") && sizeBytes > 0) files.set(path, writeCount);
  }
  return files;
}

/** The keyed store is found damaged at the next start: it is a copy, and is made anew. */
export const loseState: Fault = ({ cluster }, machine) => {
  cluster.kill(machine, "kill");
  for (const directory of machine.disk.stores.keys()) machine.disk.damagedStores.add(directory);
  return () => cluster.start(machine);
};

/** Another machine comes under the name of this one, with nothing on its disk. */
export const wipe: Fault = ({ cluster, victim, world }) => {
  if (!cluster.canSpare(victim)) return nothingToMend;
  cluster.kill(victim, "power");
  cluster.wipe(victim);
  world.trace.tell(victim.host, "is wiped");
  return () => cluster.start(victim);
};
