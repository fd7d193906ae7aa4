import type { Address, HttpAnswer, Listener, Runtime } from "@ropewalk/runtime";
import type { Registry } from "prom-client";

/** What the HTTP door tells. */
export interface HttpDoorOptions {
  readonly runtime: Pick<Runtime, "http">;
  readonly listen: Address;
  readonly registry: Registry;
  /** Why the broker can do nothing useful any more; `undefined` while it can. */
  readonly failure: () => string | undefined;
  /** Why clients should not be sent here now; `undefined` where they may. */
  readonly notReady: () => string | undefined;
}

const text = "text/plain; charset=utf-8";

/**
 * Opens the HTTP door: `/metrics`, `/healthz` (this process should go on: it says nothing of other
 * brokers or of a quorum) and `/readyz` (clients may be sent here).
 */
export function openHttpDoor(options: HttpDoorOptions): Promise<Listener> {
  const { failure, listen, notReady, registry, runtime } = options;
  return runtime.http.serve(listen, async (path) => {
    if (path === "/metrics") {
      return { status: 200, contentType: registry.contentType, body: await registry.metrics() };
    }
    if (path === "/healthz" || path === "/livez") return probe(failure());
    if (path === "/readyz") return probe(failure() ?? notReady());
    return undefined;
  });
}

function probe(fault: string | undefined): HttpAnswer {
  return fault === undefined
    ? { status: 200, contentType: text, body: "ok\n" }
    : { status: 503, contentType: text, body: `${fault}\n` };
}
