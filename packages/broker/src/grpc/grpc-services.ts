import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  brokerHealthService,
  clusterService,
  configService,
  fetchService,
  groupService,
  healthService,
  partitionService,
  produceService,
  serverReflectionService,
  serverReflectionV1AlphaService,
  topicService,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import type { ByteBudget } from "../byte-budget.ts";
import type { BrokerLimits } from "../config.ts";
import type { BrokerPorts } from "../ports.ts";
import { brokerHealthHandlers } from "./broker-health-service.ts";
import { clusterHandlers } from "./cluster-service.ts";
import { configHandlers } from "./config-service.ts";
import { fetchHandlers } from "./fetch-service.ts";
import { groupHandlers } from "./group-service.ts";
import { healthHandlers } from "./health-service.ts";
import { partitionHandlers } from "./partition-service.ts";
import { produceHandlers } from "./produce-service.ts";
import { reflectionHandlers } from "./reflection-service.ts";
import { topicHandlers } from "./topic-service.ts";

/** A service of `ropewalk.v1` or of gRPC itself, and what answers it. */
export type GrpcService = readonly [ServiceDefinition, UntypedServiceImplementation];

/** What the services answer from. */
export interface GrpcServicesOptions {
  readonly ports: BrokerPorts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BrokerLimits;
  /** What all requests to produce may hold. */
  readonly produceBudget: ByteBudget;
  /** Batch bytes that came in and were acknowledged, that went out. */
  readonly appended: (bytes: number) => void;
  readonly fetched: (bytes: number) => void;
}

const subscriptionsPerStreamMax = 10_000;

/** Every service that clients may call. */
export function grpcServices(options: GrpcServicesOptions): readonly GrpcService[] {
  const { clock, limits, logger, ports } = options;
  const produce = {
    partitions: ports.partitions,
    clock,
    logger,
    budget: options.produceBudget,
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
  const described: GrpcService[] = [
    [produceService, produceHandlers(ports, logger, produce)],
    [fetchService, fetchHandlers(ports, logger, fetch)],
    [topicService, topicHandlers(ports, logger, clock)],
    [partitionService, partitionHandlers(ports, logger, clock)],
    [configService, configHandlers(ports, logger, clock)],
    [clusterService, clusterHandlers(ports, logger, clock)],
    [brokerHealthService, brokerHealthHandlers(ports, logger, clock)],
    [groupService, groupHandlers(ports, logger, clock)],
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
