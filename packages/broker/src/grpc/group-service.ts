import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  CommitOffsetsRequest,
  DescribeGroupRequest,
  FetchOffsetsRequest,
  HeartbeatRequest,
  ListGroupsRequest,
  ListGroupsResponseInit,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { anonymous, type BrokerPorts } from "../ports.ts";
import { pageOf } from "../page.ts";
import { patienceMs, unary, workMs } from "./unary.ts";

/** Answers `ropewalk.v1.GroupService`. */
export function groupHandlers(
  { groups }: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  const waiting = (deadlineMs: number) => ({ timeoutMs: patienceMs(clock, deadlineMs) });
  return {
    heartbeat: unary(logger, (request: HeartbeatRequest, deadlineMs) =>
      groups.heartbeat(anonymous, request, waiting(deadlineMs)),
    ),
    commitOffsets: unary(logger, async (request: CommitOffsetsRequest, deadlineMs) => {
      await groups.commitOffsets(anonymous, request, waiting(deadlineMs));
      return {};
    }),
    fetchOffsets: unary(logger, (request: FetchOffsetsRequest, deadlineMs) =>
      groups.fetchOffsets(anonymous, request, waiting(deadlineMs)),
    ),
    describeGroup: unary(logger, (request: DescribeGroupRequest, deadlineMs) =>
      groups.describeGroup(anonymous, request, waiting(deadlineMs)),
    ),
    listGroups: unary(logger, async (request: ListGroupsRequest, deadlineMs) => {
      const { pageSize, pageToken } = request;
      // What one coordinator answers is of use, too, where another one says nothing until the end.
      const list = await groups.listGroups(anonymous, { timeoutMs: workMs(clock, deadlineMs) });
      const page = pageOf(list.groups ?? [], ({ groupId }) => groupId ?? "", pageSize, pageToken);
      const { items, nextPageToken } = page;
      return { groups: items, nextPageToken, errors: list.errors } satisfies ListGroupsResponseInit;
    }),
  };
}
