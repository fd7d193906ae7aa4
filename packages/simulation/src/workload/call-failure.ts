/** How a call ended that failed, as far as a client's error says. */
export interface CallFailure {
  /** Empty where the error has none. */
  readonly code: string;
  readonly outcome: "definite" | "indefinite";
  readonly why: string;
}

/** What an error that a client rejected with says. */
export function callFailureOf(error: unknown): CallFailure {
  const fields = typeof error === "object" && error !== null ? error : {};
  const isDefinite = "outcome" in fields && fields.outcome === "definite";
  const code = "code" in fields ? String(fields.code) : "";
  return { code, outcome: isDefinite ? "definite" : "indefinite", why: String(error) };
}

/** How work failed; `undefined` where it did not. */
export function failureOf(work: Promise<unknown>): Promise<CallFailure | undefined> {
  return work.then(() => undefined, callFailureOf);
}
