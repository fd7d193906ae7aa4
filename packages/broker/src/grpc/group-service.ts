import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type {
  CommitOffsetsRequest,
  DescribeGroupRequest,
  DescribeGroupResponseInit,
  FetchOffsetsRequest,
  FetchOffsetsResponseInit,
  HeartbeatRequest,
  ListGroupsRequest,
  ListGroupsResponseInit,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { anonymous, type BrokerPorts } from "../ports.ts";
import { pageOf, partitionKey } from "./page.ts";
import { patienceMs, unary, workMs } from "./unary.ts";

/** Offsets of one answer; so many fit a message by far. */
const offsetsPerPageMax = 100_000;

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
    fetchOffsets: unary(logger, async (request: FetchOffsetsRequest, deadlineMs) => {
      const { offsets } = await groups.fetchOffsets(anonymous, request, waiting(deadlineMs));
      const page = offsetPage(offsets, request);
      return {
        offsets: page.items,
        nextPageToken: page.nextPageToken,
      } satisfies FetchOffsetsResponseInit;
    }),
    describeGroup: unary(logger, async (request: DescribeGroupRequest, deadlineMs) => {
      const { groupId } = request;
      const group = await groups.describeGroup(anonymous, groupId, waiting(deadlineMs));
      const page = offsetPage(group.offsets, request);
      const { items: offsets, nextPageToken } = page;
      return { ...group, offsets, nextPageToken } satisfies DescribeGroupResponseInit;
    }),
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

function offsetPage<Offset extends { readonly topic: string; readonly partition: number }>(
  offsets: readonly Offset[],
  { pageSize, pageToken }: { readonly pageSize: number; readonly pageToken: string },
): { readonly items: readonly Offset[]; readonly nextPageToken: string } {
  const isOne = pageSize === 0 && pageToken === "" && offsets.length <= offsetsPerPageMax;
  if (isOne) return { items: offsets, nextPageToken: "" }; // In the order in which they were asked for.
  const sorted = offsets.toSorted((a, b) => (partitionKey(a) < partitionKey(b) ? -1 : 1));
  return pageOf(sorted, partitionKey, pageSize, pageToken, offsetsPerPageMax);
}
