import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type AlterConfigsRequest,
  type AlterConfigsResponseInit,
  type DescribeConfigsRequest,
  type DescribeConfigsResponseInit,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { toResource } from "../configs/config-resource.ts";
import { anonymous, type BrokerPorts } from "../ports.ts";
import { pageOf } from "../page.ts";
import { patienceMs, unary } from "./unary.ts";

/** Answers `ropewalk.v1.ConfigService`. */
export function configHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  return {
    describeConfigs: unary(logger, (request: DescribeConfigsRequest) =>
      describeConfigs(ports, request),
    ),
    alterConfigs: unary(
      logger,
      async (request: AlterConfigsRequest, deadlineMs): Promise<AlterConfigsResponseInit> => {
        const { alterations, validateOnly } = request;
        const resource = toResource(request);
        const options = { validateOnly, timeoutMs: patienceMs(clock, deadlineMs) };
        const configs = await ports.configs.alterConfigs(anonymous, resource, alterations, options);
        return { configs };
      },
    ),
  };
}

function describeConfigs(
  { configs }: BrokerPorts,
  request: DescribeConfigsRequest,
): DescribeConfigsResponseInit {
  const { includeUnsupported, pageSize, pageToken } = request;
  const wanted = new Set(request.names);
  // Whoever asks for a config by its name is told why there is none.
  const isUnsupportedWanted = includeUnsupported || wanted.size > 0;
  const all = configs.describeConfigs(anonymous, toResource(request), isUnsupportedWanted);
  const named = wanted.size === 0 ? all : all.filter(({ name }) => wanted.has(name));
  const page = pageOf(named, ({ name }) => name, pageSize, pageToken);
  return { configs: page.items, nextPageToken: page.nextPageToken };
}
