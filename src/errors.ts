/**
 * An error meant for a person: what happened, and what to do next.
 *
 * `code` is one of the codes of app.errors (LF…) or, for what never reaches the database, a short word such as `port_in_use`.
 */
export class LandfallError extends Error {
  readonly code: string;
  readonly wayOut: string;

  constructor(code: string, message: string, wayOut: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LandfallError";
    this.code = code;
    this.wayOut = wayOut;
  }
}

/**
 * Throws a LandfallError.
 *
 * @param code what happened, for machines
 * @param message what happened, in a sentence
 * @param wayOut what to do next, in a sentence
 * @param cause the error underneath, kept for the log
 */
export function fail(code: string, message: string, wayOut: string, cause?: unknown): never {
  throw new LandfallError(code, message, wayOut, cause === undefined ? undefined : { cause });
}

/** The `code` of a Node or PostgreSQL error (`ENOENT`, `28P01`), or undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

/** The message of anything thrown. A failed connection to several addresses has an empty one; its first cause speaks then. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === "" && error.errors.length > 0) {
    return errorMessage(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
