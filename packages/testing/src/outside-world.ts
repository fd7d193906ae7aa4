import childProcess from "node:child_process";
import dns from "node:dns";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";
import type { Virtual } from "./replaced-function.ts";
import { TestingError } from "./testing-error.ts";

/** Functions of an object, and what they do within simulations. */
export interface Replacement {
  readonly owner: object;
  readonly virtuals: Readonly<Record<string, Virtual>>;
}

/**
 * What leaves the process. No seed decides when it answers; and while it takes a moment, hours pass in the simulation.
 * So each throws NOT_SIMULATED.
 */
export function outsideWorld(): readonly Replacement[] {
  return [
    refused("", globalThis, ["fetch"]),
    refused("net.", net, ["connect", "createConnection"]),
    refused("tls.", tls, ["connect"]),
    refused("http.", http, ["request", "get"]),
    refused("https.", https, ["request", "get"]),
    refused("dns.", dns, ["lookup"]),
    refused("child_process.", childProcess, ["spawn", "exec", "execFile", "fork"]),
  ];
}

function refused(prefix: string, owner: object, names: readonly string[]): Replacement {
  const refusals = names.map((name): readonly [string, Virtual] => [
    name,
    () => {
      const message = `${prefix}${name}() was called in a simulation: what it brings, and when, no seed decides; give the code under test something that stands for it`;
      throw new TestingError("NOT_SIMULATED", message);
    },
  ]);
  return { owner, virtuals: Object.fromEntries(refusals) };
}
