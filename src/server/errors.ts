import { randomBytes } from "node:crypto";
import type pg from "pg";
import type { Logger } from "pino";
import { isSafeError, SafeError } from "postgraphile/grafast";
import { GraphQLError } from "postgraphile/graphql";
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

/** The errors of app.errors, worded with their particulars, and the words that a constraint has for whoever breaks it. */
export interface ErrorCatalog {
  /** An error for a person, to be thrown in a plan or a resolver. */
  safe(code: string, ...particulars: string[]): SafeError;
  /** The same as a GraphQL error that waits to be sent. */
  graphql(code: string, ...particulars: string[]): GraphQLError;
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
     where pg_catalog.obj_description(k.oid, 'pg_constraint') is not null`,
  );
  const known = new Map(errors.rows.map(({ code, ...error }) => [code, error]));
  const messages = new Map(
    constraints.rows.map((row) => [`${row.schema}.${row.table}.${row.constraint}`, withoutTags(row.comment)]),
  );
  const word = (code: string, particulars: string[]) => {
    const error = known.get(code);
    if (!error) throw new Error(`app.errors has no row for ${code}: run landfall migrate`);
    const rest = [...particulars];
    const message = fill(error.message, rest);
    return { message, extensions: { code, name: error.name, hint: fill(error.wayOut, rest) } };
  };
  return {
    safe(code, ...particulars) {
      const { message, extensions } = word(code, particulars);
      return new SafeError(message, extensions);
    },
    graphql(code, ...particulars) {
      const { message, extensions } = word(code, particulars);
      return new GraphQLError(message, { extensions });
    },
    httpStatus: (code) => known.get(code)?.httpStatus ?? 500,
    nameOf: (code) => known.get(code)?.name,
    isUnavailable,
    constraintMessage: (schema, table, constraint) => messages.get(`${schema}.${table}.${constraint}`),
  };
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

/** What PostgreSQL refuses, in our words; undefined where it is nobody's business. */
function translateDatabaseError(
  catalog: ErrorCatalog,
  error: pg.DatabaseError,
  field: string,
): { message: string; extensions: ErrorExtensions } | undefined {
  const code = error.code ?? "";
  if (OWN_CODE.test(code)) {
    const extensions: ErrorExtensions = { code };
    const name = catalog.nameOf(code);
    if (name) extensions.name = name;
    if (error.hint) extensions.hint = error.hint;
    if (error.detail) extensions.details = parseDetail(error.detail);
    return { message: error.message, extensions };
  }
  const ours = (ownCode: string, ...particulars: string[]) => {
    const { message, extensions } = catalog.graphql(ownCode, ...particulars);
    return { message, extensions: extensions as unknown as ErrorExtensions };
  };
  const byConstraint = (ownCode: string) => {
    const comment = catalog.constraintMessage(error.schema ?? "", error.table ?? "", error.constraint ?? "");
    if (comment === undefined) return ours(ownCode, subject(error));
    const name = catalog.nameOf(ownCode);
    return { message: comment, extensions: { code: ownCode, ...(name ? { name } : {}) } };
  };
  switch (code) {
    case "23505":
    case "23P01":
      return byConstraint("LF020");
    case "23503":
      // A foreign key's comment speaks of the missing row; a row that cannot go because others need it is the other way round.
      return error.message.startsWith("update or delete")
        ? ours("LF021", `${(error.table ?? "rows").replaceAll("_", " ")} still belong to it`)
        : byConstraint("LF021");
    case "23514":
      return byConstraint("LF022");
    case "23502":
      return ours("LF023", camelCase(error.column ?? ""));
    case "42501":
      return currentRequest()?.caller.kind === "visitor" ? ours("LF001") : ours("LF024", field);
    case "57014":
      return ours("LF906");
    case "40001":
    case "40P01":
    case "55P03":
      return ours("LF907");
    default:
      // Class 22: a value that cannot be what its type demands. PostgreSQL quotes what was sent and names the type, nothing else.
      return code.startsWith("22") ? ours("LF025", error.message) : undefined;
  }
}

/** Connections that are refused, cut or not to be had: the database is away, and says so by other codes than SQLSTATE. */
function isUnavailable(error: Error): boolean {
  const code = errorCode(error) ?? "";
  return (
    ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "53300", "3D000"].includes(code) ||
    /^(08|57P)/.test(code) ||
    /timeout exceeded when trying to connect|Connection terminated/.test(error.message)
  );
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
 */
export function makeMaskError(catalog: ErrorCatalog, log: Logger): (error: GraphQLError) => GraphQLError {
  const answer = (error: GraphQLError, message: string, extensions: ErrorExtensions) => {
    const requestId = currentRequest()?.id;
    return new GraphQLError(message, {
      nodes: error.nodes ?? null,
      source: error.source ?? null,
      positions: error.positions ?? null,
      path: error.path ?? null,
      extensions: { ...extensions, ...(requestId ? { requestId } : {}) },
    });
  };
  return (error) => {
    const original = error.originalError;
    if (!original || original instanceof GraphQLError) {
      // The query itself is wrong: GraphQL says where and how.
      const own = error.extensions as Partial<ErrorExtensions>;
      if (own.code !== undefined) return answer(error, error.message, own as ErrorExtensions);
      const { extensions } = catalog.graphql("LF900", error.message);
      return answer(error, error.message, extensions as unknown as ErrorExtensions);
    }
    if (original instanceof LandfallError) {
      return answer(error, original.message, { code: original.code, hint: original.wayOut });
    }
    if (isSafeError(original)) {
      const own = original.extensions as Partial<ErrorExtensions> | undefined;
      if (own?.code !== undefined) return answer(error, original.message, own as ErrorExtensions);
      const { extensions } = catalog.graphql("LF009", original.message, "Change the arguments and send it again.");
      return answer(error, original.message, extensions as unknown as ErrorExtensions);
    }
    const field = String(error.path?.find((part) => typeof part === "string") ?? "this");
    const missing = /^No values were (?:updated|deleted) in collection '([^']+)'/.exec(original.message);
    if (missing?.[1]) {
      const { message, extensions } = catalog.graphql("LF006", singular(field), "of that id");
      return answer(error, message, extensions as unknown as ErrorExtensions);
    }
    if (isDatabaseError(original)) {
      const translated = translateDatabaseError(catalog, original, field);
      if (translated) return answer(error, translated.message, translated.extensions);
    }
    const errorId = randomBytes(6).toString("base64url");
    const away = isUnavailable(original);
    log.error(
      { errorId, requestId: currentRequest()?.id, path: error.path, err: original },
      away ? "the database cannot be reached" : "an error was masked",
    );
    const { message, extensions } = away ? catalog.graphql("LF908", errorId) : catalog.graphql("LF905", errorId);
    return answer(error, message, { ...(extensions as unknown as ErrorExtensions), errorId });
  };
}

/** `updateJourney` and `deleteJourney` speak of a journey. */
function singular(field: string): string {
  return field
    .replace(/^(update|delete)/, "")
    .replace(/([A-Z])/g, " $1")
    .trim()
    .toLowerCase();
}
