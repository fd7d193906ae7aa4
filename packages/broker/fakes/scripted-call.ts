import { EventEmitter } from "node:events";

/**
 * A gRPC stream as a test plays it: what the broker writes is kept, the test decides when the client
 * sends, stops taking, and goes.
 */
export class ScriptedCall<Response> extends EventEmitter {
  readonly written: Response[] = [];
  paused = false;
  ended = false;
  /** Whether the client's side takes more after a write. */
  takesMore = true;

  write(response: Response): boolean {
    this.written.push(response);
    return this.takesMore;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }
}
