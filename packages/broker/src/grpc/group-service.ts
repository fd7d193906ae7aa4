import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  CommitOffsetsRequest,
  DescribeGroupRequest,
  FetchOffsetsRequest,
  HeartbeatRequest,
  ListGroupsRequest,
} from "@ropewalk/protocol";
import type { Logger } from "@ropewalk/runtime";
import { anonymous, type BrokerPorts } from "../ports.ts";
import { pageOf } from "./page.ts";
import { unary } from "./unary.ts";

/** Answers `ropewalk.v1.GroupService`. */
export function groupHandlers(ports: BrokerPorts, logger: Logger): UntypedServiceImplementation {
  const { groups } = ports;
  return {
    heartbeat: unary(logger, (request: HeartbeatRequest) => groups.heartbeat(anonymous, request)),
    commitOffsets: unary(logger, async (request: CommitOffsetsRequest) => {
      await groups.commitOffsets(anonymous, request);
      return {};
    }),
    fetchOffsets: unary(logger, (request: FetchOffsetsRequest) =>
      groups.fetchOffsets(anonymous, request),
    ),
    describeGroup: unary(logger, ({ groupId }: DescribeGroupRequest) =>
      groups.describeGroup(anonymous, groupId),
    ),
    listGroups: unary(logger, async ({ pageSize, pageToken }: ListGroupsRequest) => {
      const list = await groups.listGroups(anonymous);
      const page = pageOf(list.groups ?? [], ({ groupId }) => groupId ?? "", pageSize, pageToken);
      return { groups: page.items, nextPageToken: page.nextPageToken, errors: list.errors };
    }),
  };
}
