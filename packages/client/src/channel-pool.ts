import { Client, credentials, type ClientOptions } from "@grpc/grpc-js";
import { RopewalkError } from "@ropewalk/protocol";

/** Receive window of a stream and of a connection; HTTP/2's 64 KiB would leave fast links idle. */
export const flowControlWindowBytes: number = 4 * 1024 * 1024;

/**
 * The largest message in either direction. A fetched message carries at least one whole record batch,
 * however large its topic allows batches to be; this is the limit on that.
 */
const messageBytesMax = 64 * 1024 * 1024;

/** After so much silence on a connection with open calls the peer is asked for a sign of life … */
const keepaliveTimeMs = 5_000;

/** … and given up when there is none for so long. */
const keepaliveTimeoutMs = 5_000;

/** How long grpc-js waits before it connects again: short, because callers back off themselves. */
const reconnectMs = { initial: 50, max: 1_000 } as const;

function channelOptions(clientId: string): ClientOptions {
  return {
    "grpc-node.flow_control_window": flowControlWindowBytes,
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.keepalive_time_ms": keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": keepaliveTimeoutMs,
    "grpc.initial_reconnect_backoff_ms": reconnectMs.initial,
    "grpc.max_reconnect_backoff_ms": reconnectMs.max,
    // Retries are made here, where it is known what may be repeated; grpc-js would keep a copy of up to
    // 1 MiB of every call for its own.
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    // A proxy from the environment is not meant for brokers.
    "grpc.enable_http_proxy": 0,
    // Connections end with the client that opened them, not with the last one in the process.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.primary_user_agent": clientId,
  };
}

/** The way to one broker: what of a gRPC client is used. */
export type Channel = Pick<Client, "makeUnaryRequest" | "makeBidiStreamRequest">;

/** The ways to all brokers. */
export interface Channels {
  /** The way to `address` ("host:port"). Throws INVALID_REQUEST after `close`. */
  channel(address: string): Channel;
  /** Closes every connection; calls that are under way fail. */
  close(): void;
}

/** One gRPC channel per address, opened when it is first used and shared by all calls to that address. */
export class ChannelPool implements Channels {
  readonly #options: ClientOptions;
  readonly #channels = new Map<string, Client>();
  #closed = false;

  constructor(clientId: string) {
    this.#options = channelOptions(clientId);
  }

  channel(address: string): Client {
    if (this.#closed) {
      throw new RopewalkError("INVALID_REQUEST", `Cannot reach ${address}: the client is closed`);
    }
    let channel = this.#channels.get(address);
    if (channel === undefined) {
      channel = new Client(address, credentials.createInsecure(), this.#options);
      this.#channels.set(address, channel);
    }
    return channel;
  }

  close(): void {
    this.#closed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

/** "host:port" of a host that may be an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
