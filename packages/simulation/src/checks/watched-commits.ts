import type { handleUnaryCall } from "@grpc/grpc-js";
import type { GrpcService } from "@ropewalk/broker";
import type { AskedCommit, GroupWatch } from "./group-watch.ts";

type CommitHandler = handleUnaryCall<AskedCommit, unknown>;

/** The same services; a watch hears of every commit that is asked for there, and of how it ends. */
export function withWatchedCommits(
  services: readonly GrpcService[],
  watch: GroupWatch | undefined,
): readonly GrpcService[] {
  if (watch === undefined) return services;
  return services.map(([definitions, handlers]) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Nothing else is called so.
    const commit = handlers["commitOffsets"] as CommitHandler | undefined;
    if (commit === undefined) return [definitions, handlers];
    const commitOffsets: CommitHandler = (call, callback) => {
      const answered = watch.asked(call.request);
      commit(call, (error, ...answer) => {
        answered(error === null);
        callback(error, ...answer);
      });
    };
    return [definitions, { ...handlers, commitOffsets }];
  });
}
