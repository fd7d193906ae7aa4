import { setTimeout as delay } from "node:timers/promises";
import process from "node:process";

import { Broker, type BrokerConfig } from "@ropewalk/broker";
import type { Disk, Runtime } from "@ropewalk/runtime";
import { NodeHttp, nodeRuntime } from "@ropewalk/runtime/node";

import type { LogLevel } from "./broker-settings.ts";
import { failure, messageOf } from "./cli-error.ts";
import { stopRequested } from "./stop-signal.ts";
import { TextLogger } from "./text-logger.ts";

/** A cluster that is not ready after so long never will be. */
const READY_TIMEOUT_MS = 30_000;

/** How long stopping may take before the process ends all the same. */
const STOP_TIMEOUT_MS = 2000;

/** Several brokers on one event loop. */
export class LocalCluster {
  readonly #runtime: Runtime;
  #brokers: readonly Broker[] = [];

  constructor(logLevel: LogLevel) {
    const logger = new TextLogger(logLevel, (line) => process.stderr.write(`${line}\n`));
    this.#runtime = { ...nodeRuntime(), logger, http: new NodeHttp(logger) };
  }

  get disk(): Disk {
    return this.#runtime.disk;
  }

  /**
   * Starts the brokers and waits until all of them are ready, or until it is told to stop. When one
   * cannot start, the others are stopped and the reason is thrown.
   */
  async start(configs: readonly BrokerConfig[], stop: AbortSignal): Promise<void> {
    const starts = await Promise.allSettled(
      configs.map((config) => Broker.start(config, this.#runtime)),
    );
    this.#brokers = starts
      .filter((start) => start.status === "fulfilled")
      .map((start) => start.value);
    const refusal = starts.find((start) => start.status === "rejected");
    if (refusal !== undefined) {
      await this.stop();
      throw failure(`cannot start the cluster: ${messageOf(refusal.reason)}`, refusal.reason);
    }
    const ready = Promise.all(this.#brokers.map((broker) => broker.ready)).then(() => "ready");
    const outcome = await Promise.race([ready, aborted(stop), timedOut(READY_TIMEOUT_MS)]);
    if (outcome === "timed out") {
      await this.stop();
      throw failure(
        `the cluster was not ready after ${READY_TIMEOUT_MS / 1000} s; --verbose shows its log`,
      );
    }
  }

  /** Stops all brokers; gives up waiting after two seconds. */
  async stop(): Promise<void> {
    const stopped = Promise.all(this.#brokers.map((broker) => broker.stop())).then(() => "stopped");
    const outcome = await Promise.race([stopped, timedOut(STOP_TIMEOUT_MS)]);
    if (outcome === "timed out") {
      throw failure(
        `the brokers did not stop within ${STOP_TIMEOUT_MS} ms; what was acknowledged is safe`,
      );
    }
  }
}

async function aborted(stop: AbortSignal): Promise<"aborted"> {
  await stopRequested(stop);
  return "aborted";
}

async function timedOut(timeoutMs: number): Promise<"timed out"> {
  await delay(timeoutMs, undefined, { ref: false });
  return "timed out";
}
