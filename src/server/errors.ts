import { randomBytes } from "node:crypto";
import type pg from "pg";
import type { Logger } from "pino";
import { isSafeError, SafeError } from "postgraphile/grafast";
import { GraphQLError, Kind } from "postgraphile/graphql";
import { isConnectionLost } from "../database/pools.ts";
import { errorCode, LandfallError } from "../errors.ts";
import { currentRequest } from "./request.ts";

/** What an error carries beside its message: `extensions` of a GraphQL error. */
export interface ErrorExtensions {
  /** Five characters, listed in docs/errors.md. */
  code: string;
  /** The same in a word. */
  name?: string;
  /** What to do next. */
  hint?: string;
  /** Particulars for programs, where the error has some. */
  details?: unknown;
  /** The line of the log that tells what happened; only with LF905. */
  errorId?: string;
  /** The request, as the log names it. */
  requestId?: string;
}

interface KnownError {
  name: string;
  httpStatus: number;
  message: string;
  wayOut: string;
}

/** An error as a person and a program read it. */
export interface WordedError {
  message: string;
  extensions: ErrorExtensions;
}

/** The errors of app.errors, worded with their particulars, and the words that a constraint has for whoever breaks it. */
export interface ErrorCatalog {
  /** An error in words. */
  word(code: string, ...particulars: string[]): WordedError;
  /** The same, to be thrown in a plan or a resolver. */
  safe(code: string, ...particulars: string[]): SafeError;
  /** The nearest HTTP status of a code. */
  httpStatus(code: string): number;
  /** The word for a code, such as `stale_version`. */
  nameOf(code: string): string | undefined;
  /** Whether an error means that the database cannot be reached. */
  isUnavailable(error: Error): boolean;
  /** The comment on a constraint, which says what it refuses and what to do. */
  constraintMessage(schema: string, table: string, constraint: string): string | undefined;
}

function fill(text: string, particulars: string[]): string {
  return text.replace(/%s/g, () => particulars.shift() ?? "");
}

/**
 * Reads app.errors and the comments on constraints, once, at start.
 *
 * @param pool connections as the authenticator
 */
export async function readErrorCatalog(pool: pg.Pool): Promise<ErrorCatalog> {
  const errors = await pool.query<KnownError & { code: string }>(
    `select e.code, e.name, e.http_status as "httpStatus", e.message, e.way_out as "wayOut" from app.errors e`,
  );
  const constraints = await pool.query<{ schema: string; table: string; constraint: string; comment: string }>(
    `select n.nspname as schema, c.relname as "table", k.conname as "constraint",
       pg_catalog.obj_description(k.oid, 'pg_constraint') as comment
     from pg_catalog.pg_constraint k
     join pg_catalog.pg_class c on c.oid = k.conrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where pg_catalog.obj_description(k.oid, 'pg_constraint') is not null
     union all
     -- A unique index with a condition is no constraint, and is named as one when it refuses a row.
     select n.nspname, c.relname, x.relname, pg_catalog.obj_description(x.oid, 'pg_class')
     from pg_catalog.pg_index i
     join pg_catalog.pg_class c on c.oid = i.indrelid
     join pg_catalog.pg_class x on x.oid = i.indexrelid
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where i.indisunique and pg_catalog.obj_description(x.oid, 'pg_class') is not null`,
  );
  const known = new Map(errors.rows.map(({ code, ...error }) => [code, error]));
  const messages = new Map(
    constraints.rows.map((row) => [`${row.schema}.${row.table}.${row.constraint}`, withoutTags(row.comment)]),
  );
  const word = (code: string, ...particulars: string[]): WordedError => {
    const error = known.get(code);
    if (!error) throw new Error(`app.errors has no row for ${code}: run landfall migrate`);
    const rest = [...particulars];
    const message = fill(error.message, rest);
    return { message, extensions: { code, name: error.name, hint: fill(error.wayOut, rest) } };
  };
  return {
    word,
    safe(code, ...particulars) {
      const { message, extensions } = word(code, ...particulars);
      return new SafeError(message, { ...extensions });
    },
    httpStatus: (code) => known.get(code)?.httpStatus ?? 500,
    nameOf: (code) => known.get(code)?.name,
    isUnavailable,
    constraintMessage: (schema, table, constraint) => messages.get(`${schema}.${table}.${constraint}`),
  };
}

/** What GraphQL says of a mistake, without the names that it suggests: they would spell out a schema that is not shown. */
export function withoutSuggestions(message: string): string {
  return message.replace(/ ?Did you mean [^?]*\?/g, "").trim();
}

/** A comment without the smart tags that it may begin with. */
function withoutTags(comment: string): string {
  return comment
    .split("\n")
    .filter((line) => !line.startsWith("@"))
    .join(" ")
    .trim();
}

/** Codes of our own, five characters starting with LF; all others are PostgreSQL's. */
const OWN_CODE = /^LF[0-9A-Z]{3}$/;

/** `touchpoints_order_index_check` on touchpoints is "order index": enough of a name to be understood, none of the table's. */
function subject(error: pg.DatabaseError): string {
  const name = (error.constraint ?? "")
    .replace(`${error.table}_`, "")
    .replace(/^tenant_id_/, "")
    .replace(/_(key|fkey|check|excl|not_null|pkey|idx)$/, "")
    .replace(/_id$/, "");
  return name.replaceAll("_", " ") || "the row";
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function parseDetail(detail: string | undefined): unknown {
  if (detail === undefined) return undefined;
  try {
    return JSON.parse(detail);
  } catch {
    return detail;
  }
}

/** An error of ours that a function or a trigger raised: it says everything itself. */
function ownError(catalog: ErrorCatalog, error: pg.DatabaseError, code: string): WordedError {
  const name = catalog.nameOf(code);
  return {
    message: error.message,
    extensions: {
      code,
      ...(name ? { name } : {}),
      ...(error.hint ? { hint: error.hint } : {}),
      ...(error.detail ? { details: parseDetail(error.detail) } : {}),
    },
  };
}

/** What a constraint refuses, in the words of its comment; without one, in general ones. */
function constraintError(catalog: ErrorCatalog, error: pg.DatabaseError, code: string): WordedError {
  const message = catalog.constraintMessage(error.schema ?? "", error.table ?? "", error.constraint ?? "");
  if (message === undefined) return catalog.word(code, subject(error));
  const name = catalog.nameOf(code);
  return { message, extensions: { code, ...(name ? { name } : {}) } };
}

/** What PostgreSQL refuses, in our words; undefined where it is nobody's business. */
function translateDatabaseError(
  catalog: ErrorCatalog,
  error: pg.DatabaseError,
  field: string,
): WordedError | undefined {
  const code = error.code ?? "";
  if (OWN_CODE.test(code)) return ownError(catalog, error, code);
  switch (code) {
    case "23505":
    case "23P01":
      return constraintError(catalog, error, "LF020");
    case "23503":
      // A foreign key's comment speaks of the missing row; a row that cannot go because others need it is the other way round.
      return error.message.startsWith("update or delete")
        ? catalog.word("LF021", `${(error.table ?? "rows").replaceAll("_", " ")} still belong to it`)
        : constraintError(catalog, error, "LF021");
    case "23514":
      return constraintError(catalog, error, "LF022");
    case "23502":
      return catalog.word("LF023", camelCase(error.column ?? ""));
    case "42501":
      return currentRequest()?.caller.kind === "visitor" ? catalog.word("LF001") : catalog.word("LF024", field);
    default: {
      const passing = passingCode(error);
      if (passing !== undefined) return catalog.word(passing);
      // Class 22: a value that cannot be what its type demands. PostgreSQL quotes what was sent and names the type, nothing else.
      return code.startsWith("22") ? catalog.word("LF025", error.message) : undefined;
    }
  }
}

/** Our code for what may go well the next time: a statement that took too long, rows that somebody else holds. */
export function passingCode(error: Error): string | undefined {
  switch (errorCode(error)) {
    case "57014":
      return "LF906";
    case "40001":
    case "40P01":
    case "55P03":
      return "LF907";
  }
  return undefined;
}

/** The database is away or gone, or has no connection, no disk or no memory left: class 53. */
function isUnavailable(error: Error): boolean {
  return isConnectionLost(error) || /^53|^3D000$/.test(errorCode(error) ?? "");
}

function isDatabaseError(error: Error): error is pg.DatabaseError {
  return "severity" in error && "code" in error;
}

/**
 * The function that every error passes before it leaves: our own with message, hint and details; what constraints, policies and
 * grants refuse as one of ours; everything else masked under an id that the log carries.
 *
 * @param catalog the words
 * @param log where masked errors are told in full
 * @param isIntrospectable whether an error may suggest names of the schema
 */
export function makeMaskError(
  catalog: ErrorCatalog,
  log: Logger,
  isIntrospectable: boolean,
): (error: GraphQLError) => GraphQLError {
  return (error) => {
    const worded = wordError(catalog, error, isIntrospectable);
    const { message, extensions } = worded ?? masked(catalog, error, log);
    const request = currentRequest();
    const requestId = request?.id;
    if (request?.tally && request.tally.outcome !== "failed") request.tally.outcome = worded ? "refused" : "failed";
    return new GraphQLError(message, {
      nodes: error.nodes ?? null,
      source: error.source ?? null,
      positions: error.positions ?? null,
      path: error.path ?? null,
      extensions: { ...extensions, ...(requestId ? { requestId } : {}) },
    });
  };
}

/** What may be said about an error; undefined where nothing may. */
function wordError(catalog: ErrorCatalog, error: GraphQLError, isIntrospectable: boolean): WordedError | undefined {
  const original = error.originalError;
  // Without another error underneath, the query itself is wrong: GraphQL says where and how.
  if (!original || original instanceof GraphQLError)
    return (
      alreadyWorded(error) ??
      catalog.word("LF900", isIntrospectable ? error.message : withoutSuggestions(error.message))
    );
  if (original instanceof LandfallError) {
    return { message: original.message, extensions: { code: original.code, hint: original.wayOut } };
  }
  if (isSafeError(original)) {
    return (
      alreadyWorded(original) ?? catalog.word("LF009", original.message, "Change the arguments and send it again.")
    );
  }
  return isDatabaseError(original) ? translateDatabaseError(catalog, original, fieldOf(error)) : undefined;
}

function alreadyWorded({ message, extensions }: { message: string; extensions?: object }): WordedError | undefined {
  return extensions && "code" in extensions ? { message, extensions: extensions as ErrorExtensions } : undefined;
}

/** The field that failed, by its own name and not by the alias that the query gave it. */
function fieldOf(error: GraphQLError): string {
  const node = error.nodes?.[0];
  return node?.kind === Kind.FIELD ? node.name.value : String(error.path?.[0] ?? "this");
}

function masked(catalog: ErrorCatalog, error: GraphQLError, log: Logger): WordedError {
  const errorId = randomBytes(6).toString("base64url");
  const original = error.originalError ?? error;
  const isAway = isUnavailable(original);
  log.error(
    { errorId, requestId: currentRequest()?.id, path: error.path, err: original },
    isAway ? "the database cannot serve us" : "an error was masked",
  );
  const { message, extensions } = catalog.word(isAway ? "LF908" : "LF905", errorId);
  return { message, extensions: { ...extensions, errorId } };
}
