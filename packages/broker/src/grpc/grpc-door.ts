import {
  logVerbosity,
  type Server,
  setLogVerbosity,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import {
  brokerHealthService,
  clusterService,
  fetchService,
  groupService,
  healthService,
  partitionService,
  produceService,
  serverReflectionService,
  serverReflectionV1AlphaService,
  topicService,
} from "@ropewalk/protocol";
import type { Address, Clock, Logger } from "@ropewalk/runtime";
import { ByteBudget } from "../byte-budget.ts";
import type { BrokerLimits } from "../config.ts";
import type { BrokerPorts } from "../ports.ts";
import { brokerHealthHandlers } from "./broker-health-service.ts";
import { clusterHandlers } from "./cluster-service.ts";
import { fetchHandlers } from "./fetch-service.ts";
import { groupHandlers } from "./group-service.ts";
import { healthHandlers } from "./health-service.ts";
import { partitionHandlers } from "./partition-service.ts";
import { produceHandlers } from "./produce-service.ts";
import { reflectionHandlers } from "./reflection-service.ts";
import { topicHandlers } from "./topic-service.ts";
import { createWindowedServer } from "./windowed-server.ts";

/** What the door needs. */
export interface GrpcDoorOptions {
  readonly listen: Address;
  readonly ports: BrokerPorts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  /** Batch bytes that came in and were acknowledged, that went out. */
  readonly appended: (bytes: number) => void;
  readonly fetched: (bytes: number) => void;
}

const subscriptionsPerStreamMax = 10_000;
const stopMs = 500;

/** The front door that speaks gRPC. */
export class GrpcDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #clock: Clock;

  private constructor(server: Server, port: number, clock: Clock) {
    this.#server = server;
    this.port = port;
    this.#clock = clock;
  }

  /** Opens the port. Rejects where it cannot be had; the error names it. */
  static async open(options: GrpcDoorOptions): Promise<GrpcDoor> {
    const { host, port } = options.listen;
    setLogVerbosity(logVerbosity.NONE); // It would print beside the structured log; errors come back anyway.
    const server = createWindowedServer({
      "grpc.max_receive_message_length": options.limits.requestBytesMax,
      "grpc.max_send_message_length": -1,
      "grpc.enable_channelz": 0,
      "grpc.max_concurrent_streams": options.limits.streamsPerConnectionMax,
      // A client whose machine went away says nothing; without this its streams would stay for ever.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    });
    for (const [definition, handlers] of services(options)) server.addService(definition, handlers);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    server.bindAsync(
      `${bracketed(host)}:${port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => {
        if (error === null) resolve(bound);
        else reject(portError(host, port, error));
      },
    );
    return new GrpcDoor(server, await promise, options.clock);
  }

  /** Lets calls that are nearly done finish, then ends the rest. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(stopMs, () => {
      this.#server.forceShutdown();
      resolve();
    });
    this.#server.tryShutdown(() => resolve());
    await promise;
    timer.cancel();
  }
}

function services(options: GrpcDoorOptions): [ServiceDefinition, UntypedServiceImplementation][] {
  const { clock, limits, logger, ports } = options;
  const produce = {
    partitions: ports.partitions,
    clock,
    logger,
    budget: new ByteBudget(limits.produceInFlightBytesMax),
    streamInFlightBytesMax: limits.streamInFlightBytesMax,
    appended: options.appended,
  };
  const fetch = {
    partitions: ports.partitions,
    clock,
    logger,
    bytesMax: limits.fetchBytesMax,
    heartbeatMs: limits.fetchHeartbeatMs,
    subscriptionsMax: subscriptionsPerStreamMax,
    fetched: options.fetched,
  };
  const described: [ServiceDefinition, UntypedServiceImplementation][] = [
    [produceService, produceHandlers(ports, logger, produce)],
    [fetchService, fetchHandlers(ports, logger, fetch)],
    [topicService, topicHandlers(ports, logger)],
    [partitionService, partitionHandlers(ports, logger)],
    [clusterService, clusterHandlers(ports, logger)],
    [brokerHealthService, brokerHealthHandlers(ports, logger)],
    [groupService, groupHandlers(ports, logger)],
    [healthService, healthHandlers(ports, logger, clock)],
  ];
  const served = described.map(([definition]) => serviceName(definition));
  const reflection = reflectionHandlers([
    ...served,
    serviceName(serverReflectionService),
    serviceName(serverReflectionV1AlphaService),
  ]);
  return [
    ...described,
    [serverReflectionService, reflection],
    [serverReflectionV1AlphaService, reflection],
  ];
}

/** `package.Service`, out of the path of one of its methods. */
function serviceName(definition: ServiceDefinition): string {
  const [method] = Object.values(definition);
  return method?.path.split("/")[1] ?? "";
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function portError(host: string, port: number, cause: Error): Error {
  const inUse = cause.message.includes("EADDRINUSE");
  const message = `Cannot listen for gRPC on ${host}:${port}: ${inUse ? "the port is in use" : cause.message}`;
  return Object.assign(new Error(message, { cause }), { code: inUse ? "EADDRINUSE" : "EIO" });
}
