import childProcess from "node:child_process";
import crypto from "node:crypto";
import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import process from "node:process";
import timers from "node:timers";
import tls from "node:tls";

/** Functions that know of the real world, by what holds them. */
const worldly: readonly (readonly [name: string, owner: object, functions: readonly string[]])[] = [
  ["Date", Date, ["now"]],
  ["performance", performance, ["now"]],
  ["Math", Math, ["random"]],
  ["globalThis", globalThis, ["setTimeout", "setInterval", "fetch"]],
  ["timers", timers, ["setTimeout", "setInterval"]],
  ["process", process, ["hrtime", "uptime"]],
  ["crypto", crypto, ["randomBytes", "randomUUID", "randomInt", "randomFillSync"]],
  ["crypto", globalThis.crypto, ["getRandomValues", "randomUUID"]],
  ["fs", fs, functionsOf(fs)],
  ["fs/promises", fs.promises, functionsOf(fs.promises)],
  ["net", net, ["connect", "createConnection", "createServer"]],
  ["tls", tls, ["connect", "createServer"]],
  ["dgram", dgram, ["createSocket"]],
  ["dns", dns, ["lookup", "resolve"]],
  ["http", http, ["request", "get", "createServer"]],
  ["child_process", childProcess, ["spawn", "spawnSync", "exec", "execFile", "fork"]],
];

/** Code of the product: what must know of the world through its runtime alone. */
const productPlace = /\/packages\/(raft-ts|protocol|log|broker|client|runtime)\/(src|dist)\//;

/** Frames of a stack that are looked at for the product's. */
const framesMax = 40;

/**
 * While it is there, whoever of the product asks the real world for time, randomness, files or sockets is told so by an
 * error, and is reported: such a run cannot be the same twice. Tools around the run may go on to use the world.
 */
export class Tripwire {
  readonly #report: (what: string) => void;
  readonly #place: RegExp;
  readonly #undo: (() => void)[] = [];

  /** `place` is found in the stack of those who must not. */
  constructor(report: (what: string) => void, place: RegExp = productPlace) {
    this.#report = report;
    this.#place = place;
    for (const [name, owner, functions] of worldly) {
      for (const each of functions) this.#guard(`${name}.${each}`, owner, each);
    }
    this.#guardDate();
    syncBuiltinESMExports();
  }

  /** Everything is as it was. */
  remove(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    syncBuiltinESMExports();
  }

  #guard(what: string, owner: object, name: string): void {
    const real: unknown = Reflect.get(owner, name);
    if (typeof real !== "function") return;
    const check = (): void => this.#check(what);
    const guarded = new Proxy(real, {
      apply(target, self, values): unknown {
        check();
        return Reflect.apply(target, self, values);
      },
    });
    this.#replace(owner, name, guarded);
  }

  /** A date of the present; those of a given time say nothing of the world. */
  #guardDate(): void {
    const check = (): void => this.#check("new Date()");
    const guarded = new Proxy(Date, {
      construct(target, values: unknown[], newTarget): object {
        if (values.length === 0) check();
        const made: unknown = Reflect.construct(target, values, newTarget);
        return made instanceof target ? made : {};
      },
    });
    this.#replace(globalThis, "Date", guarded);
  }

  #replace(owner: object, name: string, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, name);
    if (before?.configurable === false) return;
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
    this.#undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, before);
    });
  }

  #check(what: string): void {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = framesMax;
    const { stack = "" } = new Error(what);
    Error.stackTraceLimit = limit;
    const line = stack.split("\n").find((frame) => this.#place.test(frame));
    if (line === undefined) return;
    const where = line.trim();
    this.#report(`${what} ${where}`);
    throw new Error(`${what} was called in a simulation ${where}`);
  }
}

function functionsOf(module: object): readonly string[] {
  // Classes are not called, and what is unused stays unloaded: some are deprecated getters.
  return Object.entries(Object.getOwnPropertyDescriptors(module)).flatMap(([name, { value }]) =>
    typeof value === "function" && /^[a-z]/.test(name) ? [name] : [],
  );
}
