import type { GroupLog } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import type { Runtime } from "@ropewalk/runtime";
import type { BrokerStorage } from "../broker-storage.ts";
import type { BrokerConfig, BrokerLimits } from "../config.ts";
import { controllerVoters } from "../controller/controller-voters.ts";
import { restoreImage } from "../controller/metadata-codec.ts";
import { controllerGroupId, MetadataImage } from "../controller/metadata-image.ts";
import { LeaderTable } from "../leadership/leader-table.ts";
import type { PeerHello } from "../peer/hello.ts";
import { PeerNetwork } from "../peer/peer-network.ts";
import { openGroupLog } from "../raft/group-storage.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { HistoryInstaller } from "./history-installer.ts";
import { Interruption } from "./interruption.ts";
import type { AbsentReplica } from "./replica-home.ts";
import { othersAreMajority, ReplicaRepairer } from "./replica-repairer.ts";
import { SegmentFetcher } from "./segment-fetcher.ts";
import { Turns } from "../turns.ts";

/** What repairing the metadata's log needs. */
export interface ControllerRepairOptions {
  readonly config: BrokerConfig;
  readonly limits: BrokerLimits;
  readonly runtime: Runtime;
  readonly storage: BrokerStorage;
}

/**
 * Repairs the log of the cluster's metadata where it is damaged, before anything else begins: all else follows
 * from it. The broker asks the others over its peer port and answers nobody. Rejects with STORAGE_ERROR
 * where it cannot be done in `controllerRepairMsMax`; what was stored is then as it was.
 */
export async function repairController(options: ControllerRepairOptions): Promise<void> {
  const { config, runtime, storage } = options;
  const log = openGroupLog(storage.log, { groupId: controllerGroupId, incarnation: 1 });
  const { quarantined } = log;
  if (quarantined === undefined) return;
  const { logger } = runtime;
  logger.error("the log of the cluster's metadata is damaged", { error: quarantined });
  const image = new MetadataImage();
  const { membership } = restoreImage(image, storage.state);
  const { voters } = membership ?? controllerVoters(storage.identity.bootstrapIds);
  const replicaIds = [...new Set([...voters, config.brokerId])];
  if (!othersAreMajority(replicaIds)) throw damaged(quarantined, "without it there is no majority");
  const caller: RemoteCaller = new RemoteCaller(
    config.brokerId,
    options.limits.forwardTimeoutMs,
    () => peers,
  );
  const peers = await startPeers(options, image);
  try {
    await repair(options, log, replicaIds, caller);
  } catch (error) {
    throw damaged(quarantined, "it was not repaired from the others in time", error);
  } finally {
    await peers.close();
  }
}

async function repair(
  { config, limits, runtime, storage }: ControllerRepairOptions,
  log: GroupLog,
  replicaIds: readonly number[],
  caller: RemoteCaller,
): Promise<void> {
  const { clock, logger } = runtime;
  const { log: store, state } = storage;
  const interruption = new Interruption();
  const repairer = new ReplicaRepairer({
    brokerId: config.brokerId,
    clock,
    logger,
    caller,
    leaders: new LeaderTable(),
    installer: new HistoryInstaller({
      store,
      state,
      commit: (bring) => state.commit(bring()).then(() => true),
      fetcher: new SegmentFetcher(caller, clock, interruption, limits.snapshotPieceTimeoutMs),
    }),
    interruption,
    turns: new Turns(1),
    retryMsMin: limits.repairRetryMsMin,
    retryMsMax: limits.repairRetryMsMin * 4,
  });
  const { promise: repaired, resolve: reopen } = Promise.withResolvers<void>();
  const { key } = log;
  const settled = Promise.resolve();
  const absent: AbsentReplica = {
    key,
    log,
    replicaIds: () => replicaIds,
    settled,
    isGone: () => false,
    reopen,
  };
  const deadline = clock.setTimer(limits.controllerRepairMsMax, () => interruption.interrupt());
  repairer.add(absent);
  try {
    await interruption.guard(repaired);
  } finally {
    deadline.cancel();
    interruption.interrupt();
    await repairer.stop();
  }
}

function startPeers(
  { config, runtime, storage }: ControllerRepairOptions,
  image: MetadataImage,
): Promise<PeerNetwork> {
  const { bootstrap, brokerId, peer } = config;
  const { identity } = storage;
  const notYet = (): Promise<never> => {
    const message = `Broker ${brokerId} is being repaired`;
    return Promise.reject(new RopewalkError("LEADER_NOT_AVAILABLE", message));
  };
  return PeerNetwork.start({
    runtime,
    brokerId,
    directoryId: identity.directoryId,
    listen: peer.listen,
    clusterId: () => image.clusterId || identity.clusterId,
    addressOf: (id) =>
      bootstrap.find((each) => each.brokerId === id)?.address ?? image.brokers.get(id)?.peer,
    verifyPeer: (hello) => directoryFault(image, hello),
    onRaftMessages: () => undefined,
    onRequest: notYet,
    onUnreachable: () => undefined,
  });
}

/** A wiped disk must not take the place of the one whose votes and entries were counted. */
export function directoryFault(image: MetadataImage, hello: PeerHello): string | undefined {
  const known = image.brokers.get(hello.brokerId);
  if (known === undefined || known.directoryId === hello.directoryId) return undefined;
  return `broker ${hello.brokerId} has data directory ${known.directoryId} in this cluster, not ${hello.directoryId}`;
}

function damaged(error: Error, why: string, cause: unknown = error): RopewalkError {
  return new RopewalkError(
    "STORAGE_ERROR",
    `Cannot start: the log of the cluster's metadata is damaged, and ${why}: ${error.message}`,
    { cause },
  );
}
