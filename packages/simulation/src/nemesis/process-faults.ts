import { atSync } from "./crash-point.ts";
import type { Fault } from "./fault-scene.ts";

export const kill: Fault = ({ cluster }, machine) => {
  cluster.kill(machine, "kill");
  return () => cluster.start(machine);
};

export const cutPower: Fault = ({ cluster }, machine) => {
  cluster.kill(machine, "power");
  return () => cluster.start(machine);
};

export const cutPowerOfAll: Fault = ({ cluster }) => {
  for (const each of cluster.machines) cluster.kill(each, "power");
  return () => cluster.startAll();
};

export const cutPowerAtSync: Fault = ({ cluster, random }, machine) => {
  const callOff = atSync(machine, random, () => cluster.kill(machine, "power"));
  return () => {
    callOff();
    cluster.start(machine);
  };
};

export const pause: Fault = (_scene, machine) => {
  machine.process?.pause();
  return () => machine.process?.resume();
};

/** Up to an hour. */
const clockJumpMsMax = 3_600_000;

export const jumpClock: Fault = ({ random }, machine) => {
  machine.process?.setWallOffset(random.between(-clockJumpMsMax, clockJumpMsMax));
  return () => machine.process?.setWallOffset(0);
};
