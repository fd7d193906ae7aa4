import type { Admin } from "@ropewalk/client";

/** What the cluster says of itself, in lines for people: where something does not come to its end, the reason is mostly here. */
export async function clusterReport(admin: Admin): Promise<readonly string[]> {
  const questions = [
    async () => {
      const { brokers, controllerId, leaderless } = await admin.describeCluster();
      const states = brokers.map(
        ({ alive, brokerId, controllerRole, state }) =>
          `${brokerId} ${state}${alive ? "" : ", not alive"}, ${controllerRole}`,
      );
      const names = leaderless.map(({ partition, topic }) => `${topic}-${partition}`);
      return `controller ${controllerId}; brokers ${states.join("; ")}; without leader: ${names.join(", ")}`;
    },
    async () => {
      const { reassignments } = await admin.listReassignments();
      const moves = reassignments.map(
        ({ addingIds, partition, removingIds, replicaIds, state, topic }) =>
          `${topic}-${partition} ${replicaIds.join()} +${addingIds.join()} -${removingIds.join()} ${state}`,
      );
      return `moves: ${moves.join("; ")}`;
    },
    async () => {
      const topics = await admin.listTopics({ includeInternal: true });
      const described = await Promise.all(topics.map(({ name }) => admin.describeTopic(name)));
      return described
        .map(({ name, partitions }) => {
          const led = partitions.map(
            ({ leaderEpoch, leaderId, partition, replicaIds }) =>
              `${partition}: ${leaderId} of ${replicaIds.join()} in ${leaderEpoch}`,
          );
          return `${name}: ${led.join("; ")}`;
        })
        .join(" | ");
    },
  ];
  const answers = questions.map((ask) =>
    ask().catch((error: unknown) => `nobody says: ${String(error)}`),
  );
  return Promise.all(answers);
}
