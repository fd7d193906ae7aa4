import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { waitFor } from "../cluster/wait-for.ts";

const deadlineMs = 10_000;

/** Stops a process in the middle of whatever it does: it says nothing more, and can only be killed. */
export async function freezeProcess(child: ChildProcess): Promise<void> {
  child.kill("SIGSTOP");
  await waitFor(`process ${child.pid} stands still`, deadlineMs, () => {
    if (child.exitCode !== null || child.signalCode !== null) return true;
    return /\) [TZ] /.test(readFileSync(`/proc/${child.pid}/stat`, "latin1"));
  });
}
