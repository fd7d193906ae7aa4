/** Exit statuses: 1 for what failed, 2 for what was typed wrongly; `cluster health` has its own words for them. */
export type FailureStatus = 1 | 2;

/**
 * A failure that is told to the person at the terminal. The message says what was tried, why it
 * failed and what to do; it is one line unless it lists several problems.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitStatus: FailureStatus;

  constructor(message: string, exitStatus: FailureStatus, options?: ErrorOptions) {
    super(message, options);
    this.exitStatus = exitStatus;
  }
}

/** A failure of what was asked for: exit status 1. */
export function failure(message: string, cause?: unknown): CliError {
  return new CliError(message, 1, cause === undefined ? undefined : { cause });
}

/** What an error says, as it goes on after a colon; anything else that was thrown, as text. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Cannot /, "cannot ");
}

/** A mistake in what was typed: exit status 2. */
export function usageError(message: string): CliError {
  return new CliError(message, 2);
}
