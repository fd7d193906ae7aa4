import type { MessageSender } from "../raft/raft-host.ts";
import type { PeerNetwork } from "./peer-network.ts";

/** Sends the Raft groups' messages through the peer network, which is started after the groups' host was made. */
export function peerSender(peers: () => PeerNetwork): MessageSender {
  return {
    send: (to, group, message) => void peers().send(to, group, message),
    sendBatch: (batch) => peers().sendBatch(batch),
    flush: () => peers().flush(),
  };
}
