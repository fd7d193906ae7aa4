import type { GroupLog } from "@ropewalk/log";
import { RopewalkError } from "@ropewalk/protocol";
import { controllerVoters } from "../controller/controller-voters.ts";
import { restoreImage } from "../controller/metadata-codec.ts";
import { controllerGroupId, MetadataImage } from "../controller/metadata-image.ts";
import { LeaderTable } from "../leadership/leader-table.ts";
import { openGroupLog } from "../raft/group-storage.ts";
import { RemoteCaller } from "../remote-caller.ts";
import { HistoryInstaller } from "./history-installer.ts";
import { Interruption } from "./interruption.ts";
import { type ControllerRepairOptions, RepairPeers } from "./repair-peers.ts";
import type { AbsentReplica } from "./replica-home.ts";
import { othersAreMajority, ReplicaRepairer } from "./replica-repairer.ts";
import { SegmentFetcher } from "./segment-fetcher.ts";
import { Turns } from "../turns.ts";

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
  const { appliedIndex, membership } = restoreImage(image, storage.state);
  const { voters } = membership ?? controllerVoters(storage.identity.bootstrapIds);
  const voterIds = [...new Set([...voters, config.brokerId])];
  if (!othersAreMajority(voterIds)) throw damaged(quarantined, "without it there is no majority");
  const caller: RemoteCaller = new RemoteCaller(
    config.brokerId,
    options.limits.forwardTimeoutMs,
    () => peers.network,
  );
  const peers = await RepairPeers.start(options, { image, appliedIndex });
  try {
    // Who voted may be gone by now. Anybody of the cluster knows who leads.
    await repair(options, log, () => [...new Set([...voterIds, ...peers.knownIds()])], caller);
  } catch (error) {
    throw damaged(quarantined, "it was not repaired from the others in time", error);
  } finally {
    await peers.close();
  }
}

async function repair(
  { config, limits, runtime, storage }: ControllerRepairOptions,
  log: GroupLog,
  replicaIds: () => readonly number[],
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
    replicaIds,
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

function damaged(error: Error, why: string, cause: unknown = error): RopewalkError {
  return new RopewalkError(
    "STORAGE_ERROR",
    `Cannot start: the log of the cluster's metadata is damaged, and ${why}: ${error.message}`,
    { cause },
  );
}
