import { MemoryStorage, RawNode } from "raft-ts";
import type { Message, Ready } from "raft-ts";

/** Three members in one process agree on "hello". Answers what each of them applied. */
export function agreeOnHello(): readonly string[][] {
  const voters = [1, 2, 3];
  const confState = {
    voters,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const members = voters.map((id) => {
    const storage = new MemoryStorage(confState);
    // A real owner hands in its own randomness, so that two members rarely campaign at once.
    const node = new RawNode({ id, storage, random: () => 0 });
    return { node, storage, applied: new Array<string>() };
  });
  const network: Message[] = [];

  function process({ node, storage, applied }: (typeof members)[number]): void {
    const ready: Ready = node.ready();
    // 1. Make durable, as one unit. A disk would be flushed here if ready.mustSync.
    if (ready.snapshot !== undefined) storage.applySnapshot(ready.snapshot);
    storage.append(ready.entries);
    if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
    // 2. Send.
    network.push(...ready.messages);
    // 3. Apply. Entries without data only open a term.
    for (const { type, data } of ready.committedEntries) {
      if (type === "normal" && data.byteLength > 0) applied.push(new TextDecoder().decode(data));
    }
    node.advance();
  }

  function settle(): void {
    while (network.length > 0 || members.some(({ node }) => node.hasReady())) {
      for (const message of network.splice(0)) members[message.to - 1]?.node.step(message);
      for (const member of members) if (member.node.hasReady()) process(member);
    }
  }

  members[0]?.node.campaign();
  settle();
  // Any member may propose: a follower sends the proposal to the leader.
  members[2]?.node.propose(new TextEncoder().encode("hello"));
  settle();
  return members.map(({ applied }) => applied);
}
