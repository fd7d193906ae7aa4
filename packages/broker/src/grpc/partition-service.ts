import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import {
  type AlterReplicationFactorRequest,
  type AlterReplicationFactorResponseInit,
  type CancelReassignmentsRequest,
  type CancelReassignmentsResponseInit,
  type ListReassignmentsRequest,
  type ListReassignmentsResponseInit,
  type ListReassignmentsResponseReassignmentInit,
  type ListReassignmentsResponseState,
  type ReassignPartitionsRequest,
  type ReassignPartitionsResponseInit,
  RopewalkError,
} from "@ropewalk/protocol";
import type { Clock, Logger } from "@ropewalk/runtime";
import { expectJoined } from "../membership/joined.ts";
import {
  anonymous,
  type BrokerPorts,
  type Patience,
  type ReassignmentProgress,
  type ReassignmentView,
} from "../ports.ts";
import { pageOf, partitionKey } from "../page.ts";
import { isWanted } from "./read-mask.ts";
import { patienceMs, unary } from "./unary.ts";

/** Partitions that one call takes. */
const partitionsMax = 1000;

/** Answers `ropewalk.v1.PartitionService`. */
export function partitionHandlers(
  ports: BrokerPorts,
  logger: Logger,
  clock: Clock,
): UntypedServiceImplementation {
  const waiting = (deadlineMs: number): Patience => ({ timeoutMs: patienceMs(clock, deadlineMs) });
  return {
    reassignPartitions: unary(logger, (request: ReassignPartitionsRequest, deadlineMs) =>
      reassign(ports, request, waiting(deadlineMs)),
    ),
    listReassignments: unary(logger, (request: ListReassignmentsRequest) => list(ports, request)),
    cancelReassignments: unary(logger, (request: CancelReassignmentsRequest, deadlineMs) =>
      cancel(ports, request, waiting(deadlineMs)),
    ),
    alterReplicationFactor: unary(logger, (request: AlterReplicationFactorRequest, deadlineMs) =>
      alterReplicationFactor(ports, request, waiting(deadlineMs)),
    ),
  };
}

async function alterReplicationFactor(
  { reassignments }: BrokerPorts,
  request: AlterReplicationFactorRequest,
  patience: Patience,
): Promise<AlterReplicationFactorResponseInit> {
  const change = { ...request, ...patience };
  const outcome = await reassignments.alterReplicationFactor(anonymous, change);
  return { reassignments: outcome.planned, changedCount: outcome.changedCount };
}

async function reassign(
  { reassignments }: BrokerPorts,
  { auto, dryRun, partitions, throttleBytesPerSecond, topics }: ReassignPartitionsRequest,
  patience: Patience,
): Promise<ReassignPartitionsResponseInit> {
  const action = "reassign partitions";
  expectOne(action, auto, partitions.length);
  const empty = partitions.find(({ replicaIds }) => replicaIds.length === 0);
  if (empty !== undefined) {
    const message = `Cannot ${action}: ${empty.topic}-${empty.partition} would have no replica`;
    throw new RopewalkError("INVALID_REQUEST", message);
  }
  const { leftCount, planned } = await reassignments.reassign(anonymous, {
    wanted: auto ? { kind: "auto", topics } : { kind: "explicit", partitions },
    dryRun,
    throttleBytesPerSecond,
    ...patience,
  });
  return { reassignments: planned, leftCount };
}

async function list(
  ports: BrokerPorts,
  request: ListReassignmentsRequest,
): Promise<ListReassignmentsResponseInit> {
  expectJoined(ports);
  const { reassignments } = ports;
  const { pageSize, pageToken, topic } = request;
  const moves = reassignments.list(anonymous, topic);
  const page = pageOf(moves, partitionKey, pageSize, pageToken);
  const isProgressWanted = ["reassignments.state", "reassignments.percent"].some((field) =>
    isWanted(request, field),
  );
  const asked = isProgressWanted ? page.items : [];
  const progress = await reassignments.progress(anonymous, asked);
  const byGroup = new Map(progress.map((each) => [each.groupId, each]));
  return {
    reassignments: page.items.map((move) => describe(move, byGroup.get(move.groupId))),
    nextPageToken: page.nextPageToken,
    throttleBytesPerSecond: reassignments.throttleBytesPerSecond(anonymous),
  };
}

async function cancel(
  ports: BrokerPorts,
  { all, dryRun, partitions }: CancelReassignmentsRequest,
  patience: Patience,
): Promise<CancelReassignmentsResponseInit> {
  expectJoined(ports);
  const { reassignments } = ports;
  expectOne("cancel reassignments", all, partitions.length);
  const named = all ? reassignments.list(anonymous, "").slice(0, partitionsMax) : partitions;
  if (named.length === 0) return {};
  return { partitions: await reassignments.cancel(anonymous, named, { dryRun, ...patience }) };
}

/** Either everything is meant, or those that are named. */
function expectOne(action: string, all: boolean, count: number): void {
  if (all !== count > 0 && count <= partitionsMax) return;
  const message = all
    ? `Cannot ${action}: partitions are named beside the wish for all`
    : `Cannot ${action}: ${count} partitions are named, where 1 to ${partitionsMax} are possible`;
  throw new RopewalkError("INVALID_REQUEST", message);
}

function describe(
  { groupId: _groupId, state, ...move }: ReassignmentView,
  progress: ReassignmentProgress | undefined,
): ListReassignmentsResponseReassignmentInit {
  return { ...move, state: stateOf(state, progress), percent: progress?.percent };
}

function stateOf(
  state: ReassignmentView["state"],
  progress: ReassignmentProgress | undefined,
): ListReassignmentsResponseState {
  if (state === "waiting") return "WAITING";
  return progress?.isSnapshotting === true ? "COPYING_SEGMENTS" : "COPYING";
}
