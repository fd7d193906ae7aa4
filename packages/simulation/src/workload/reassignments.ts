import type { Admin } from "@ropewalk/client";
import type { SimulatedProcess } from "../world/simulated-process.ts";
import { pause } from "./activity.ts";

/** Takes the throttle off, and resolves when no partition moves any more. */
export async function nothingMoves(admin: Admin, process: SimulatedProcess): Promise<void> {
  for (let left = await leftCount(admin); left !== 0; left = await leftCount(admin)) {
    await pause(process, 100);
  }
}

/** Partitions that move; `undefined` where nobody could say. */
async function leftCount(admin: Admin): Promise<number | undefined> {
  try {
    const list = await admin.listReassignments();
    if (list.throttleBytesPerSecond === 0) return list.reassignments.length;
    await admin.reassignPartitions({ wanted: { auto: [] }, throttleBytesPerSecond: 0 });
    return undefined;
  } catch {
    return undefined;
  }
}
