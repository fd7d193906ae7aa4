import type { Address, Listener } from "./network.ts";

/** The answer to a GET. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A read-only HTTP door: GET on a path, for metrics and health. */
export interface HttpServer {
  /** Serves GET requests; `undefined` answers 404. Rejects when the port cannot be had (the error names it). */
  serve(
    address: Address,
    answer: (path: string) => HttpAnswer | undefined | Promise<HttpAnswer | undefined>,
  ): Promise<Listener>;
}
