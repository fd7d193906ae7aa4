import type { ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { HealthCheckRequest, HealthCheckResponseInit } from "@ropewalk/protocol";
import type { Clock, Logger, Timer } from "@ropewalk/runtime";
import type { BrokerPorts } from "../ports.ts";
import { unary } from "./unary.ts";

const watchMs = 1000;

/** Answers `grpc.health.v1.Health`: the broker serves once it is ready, whatever service is asked for. */
export function healthHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  const status = (): HealthCheckResponseInit => ({
    status: ports.isReady() ? "SERVING" : "NOT_SERVING",
  });
  return {
    check: unary(logger, status),
    list: unary(logger, () => ({ statuses: { "": status() } })),
    watch: (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponseInit>) =>
      watch(call, clock, status),
  };
}

/** Sends the status at once and whenever it changed, until the client goes. */
function watch(
  call: ServerWritableStream<HealthCheckRequest, HealthCheckResponseInit>,
  clock: Clock,
  status: () => HealthCheckResponseInit,
): void {
  let sent: string | undefined;
  let timer: Timer;
  const tell = (): void => {
    const now = status();
    if (now.status !== sent) call.write(now);
    sent = now.status;
    timer = clock.setTimer(watchMs, tell);
  };
  tell();
  for (const event of ["close", "cancelled", "error"]) call.on(event, () => timer.cancel());
}
