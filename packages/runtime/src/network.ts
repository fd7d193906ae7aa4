/** Where to reach somebody. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A port that cannot be listened on or an address that cannot be reached; the message names it. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What went wrong: the port is in use; it may not be listened on or its host is not this machine's;
 * nobody answered in time; the system at the address answered that nobody listens there; or the connection failed
 * in another way.
 */
export type NetworkErrorCode =
  | "PORT_IN_USE"
  | "PORT_UNAVAILABLE"
  | "TIMEOUT"
  | "REFUSED"
  | "UNREACHABLE";

/** What a connection tells its owner. Every callback runs in a turn of its own, never inside a call. */
export interface ConnectionHandler {
  /** Bytes arrived. They are only valid until the callback returns: copy what is to be kept. */
  onData(bytes: Uint8Array): void;
  /** What `send` refused to take more of has been handed to the system: sending may go on. */
  onDrain(): void;
  /** The connection is over, for whatever reason; nothing else is called afterwards. */
  onClose(error: Error | undefined): void;
}

/** A byte stream to another process. */
export interface Connection {
  readonly remote: Address;
  /**
   * Queues the buffers in order and answers whether more may be sent now; after `false`, wait for
   * `onDrain`. `onSent` runs once the buffers may be reused, also when the connection broke.
   */
  send(buffers: readonly Uint8Array[], onSent?: () => void): boolean;
  /** Stops `onData`, so that the peer is slowed down, until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection; `onClose` follows. */
  close(): void;
}

/** A port that is listened on. */
export interface Listener {
  /** The port in use: the one asked for, or the one chosen when that was 0. */
  readonly port: number;
  close(): Promise<void>;
}

/** Byte streams between processes. */
export interface Network {
  /**
   * Accepts connections. Rejects when the port cannot be had (the error names it). `accept` runs
   * for every connection and answers its handler.
   */
  listen(
    address: Address,
    accept: (connection: Connection) => ConnectionHandler,
  ): Promise<Listener>;
  /** Opens a connection; rejects when that fails or takes longer than `timeoutMs`. */
  connect(
    address: Address,
    timeoutMs: number,
    handler: (connection: Connection) => ConnectionHandler,
  ): Promise<Connection>;
}
