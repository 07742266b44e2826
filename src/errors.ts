import { errorCodes } from "./generated/error_codes.ts";

/** The name of an error of app.errors. */
export type ErrorName = keyof typeof errorCodes;

/** An error meant for a person: what happened, and what to do next. Every one is a row of app.errors. */
export class LandfallError extends Error {
  /** Its name in app.errors, such as `port_in_use`. */
  readonly reason: ErrorName;
  /** Its code in app.errors, such as `LF052`. */
  readonly code: string;
  /** What to do next, in a sentence. */
  readonly wayOut: string;

  constructor(reason: ErrorName, message: string, wayOut: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LandfallError";
    this.reason = reason;
    this.code = errorCodes[reason];
    this.wayOut = wayOut;
  }
}

/**
 * Throws a LandfallError.
 *
 * @param reason the error's name in app.errors
 * @param message what happened, in a sentence
 * @param wayOut what to do next, in a sentence
 * @param cause the error underneath, kept for the log
 */
export function fail(reason: ErrorName, message: string, wayOut: string, cause?: unknown): never {
  throw new LandfallError(reason, message, wayOut, cause === undefined ? undefined : { cause });
}

/** The `code` of a Node or PostgreSQL error (`ENOENT`, `28P01`), or undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return undefined;
}

/** The name of an error of app.errors by its code, which is the SQLSTATE of those that SQL raises; undefined for every other. */
export function errorReason(error: unknown): ErrorName | undefined {
  const code = errorCode(error);
  return (Object.keys(errorCodes) as ErrorName[]).find((name) => errorCodes[name] === code);
}

/** The message of anything thrown. A failed connection to several addresses has an empty one; its first cause speaks then. */
export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === "" && error.errors.length > 0) {
    return errorMessage(error.errors[0]);
  }
  return error instanceof Error ? error.message : String(error);
}
