import { getSystemErrorName } from "node:util";

/** The system's name of an error ("ENOENT"), where there is one. */
export function errnoOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  const { code } = cause;
  if (typeof code === "string") return code;
  // LMDB gives the system's positive number, or a negative one of its own.
  return typeof code === "number" && code > 0 ? getSystemErrorName(-code) : undefined;
}
