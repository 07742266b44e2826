import { randomUUID } from "node:crypto";
import cors from "cors";
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from "express";
import helmet from "helmet";
import type pg from "pg";
import type { Logger } from "pino";
import { pinoHttp } from "pino-http";
import type { Config } from "../config.ts";
import { errorCodes } from "../generated/error_codes.ts";
import type { Allowances, Asker } from "./allowances.ts";
import { type Documents, idOf } from "./documents.ts";
import { type ErrorCatalog, passingCode, type WordedError } from "./errors.ts";
import { healthRouter } from "./health.ts";
import { repeatAnswers } from "./idempotency.ts";
import { type IdentitySources, identifyCaller } from "./identity.ts";
import { type Metrics, makeMetrics, type Tally } from "./metrics.ts";
import { factsOf, type RequestKind } from "./operations.ts";
import { MAX_REQUEST_BYTES } from "./preset.ts";
import { currentRequest, withRequest } from "./request.ts";

/** A router of another part of the product, such as the reports of imports. */
export interface MountedRouter {
  path: string;
  router: Router;
}

export interface AppOptions {
  config: Config;
  allowances: Allowances;
  documents: Documents;
  errors: ErrorCatalog;
  identity: IdentitySources;
  log: Logger;
  pool: pg.Pool;
  /** Answers /graphql, and GraphiQL's own paths in development. */
  graphql: RequestHandler;
  routers: readonly MountedRouter[];
}

/** Visitors have nothing long to say: signing in is all they can do. */
export const MAX_VISITOR_REQUEST_BYTES = 100_000;

/** When to send again what the database had no time or no connection for, in seconds. */
const COME_BACK_AFTER = 2;

const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** Everything around GraphQL: ids, logs, headers, origins, identity, bodies, health, and errors in one shape. */
export function makeApp({
  config,
  allowances,
  documents,
  errors,
  identity,
  log,
  pool,
  graphql,
  routers,
}: AppOptions): Express {
  const isDevelopment = config.environment === "development";
  const app = express();
  app.disable("x-powered-by");
  app.set("trust proxy", config.api.trustedProxies);
  app.use(
    pinoHttp({
      logger: log,
      genReqId(req, res) {
        const given = req.headers["x-request-id"];
        const id = typeof given === "string" && REQUEST_ID.test(given) ? given : randomUUID();
        res.setHeader("x-request-id", id);
        return id;
      },
      autoLogging: { ignore: (req) => ["/healthz", "/readyz", "/metrics"].includes(req.url ?? "") },
      serializers: {
        // Without what follows the path: the ticket of a report opens it.
        req: (req: { id: string; method: string; url: string }) => ({
          id: req.id,
          method: req.method,
          url: req.url.replace(/\?.*/, ""),
        }),
        res: (res: { statusCode: number }) => ({ statusCode: res.statusCode }),
      },
    }),
  );
  // GraphiQL brings scripts and styles of its own; where it answers, a content security policy would only break it.
  app.use(helmet({ contentSecurityPolicy: isDevelopment ? false : undefined }));
  app.use(healthRouter(pool));
  const metrics = makeMetrics(config, pool, log, (res) => sendError(res, errors, "LF026"));
  app.use(metrics.router);
  app.use(
    cors({
      origin: config.api.corsOrigins,
      methods: ["POST"],
      allowedHeaders: ["authorization", "content-type", "idempotency-key", "x-request-id"],
      exposedHeaders: ["idempotency-replayed", "retry-after", "x-request-id"],
      maxAge: 600,
    }),
  );
  const edge = { errors, identity, allowances };
  const repeat = repeatAnswers(pool, errors, (res, error) => sendWorded(res, errors, error));
  app.use(
    "/graphql",
    metrics.count(),
    acceptJsonOnly(errors),
    identify(edge, "newcomers too"),
    readBody(edge),
    readDocument(edge, documents, metrics),
    spend(edge),
    keepNewcomersToTheirPassword(errors),
    repeat,
  );
  for (const { path, router } of routers) app.use(path, metrics.count(path), identify(edge), spend(edge), router);
  app.use(graphql);
  app.use((req, res) => sendError(res, errors, "LF909", req.path));
  app.use(answerErrors(errors));
  return app;
}

function sendError(res: express.Response, errors: ErrorCatalog, code: string, ...particulars: string[]): void {
  sendWorded(res, errors, errors.word(code, ...particulars));
}

function sendWorded(res: express.Response, errors: ErrorCatalog, { message, extensions }: WordedError): void {
  const requestId = res.getHeader("x-request-id");
  const status = errors.httpStatus(extensions.code);
  if (status === 503) res.setHeader("retry-after", String(COME_BACK_AFTER));
  res
    .status(status)
    .json({ errors: [{ message, extensions: { ...extensions, ...(requestId ? { requestId } : {}) } }] });
}

/** Forms and texts can be sent across origins without being asked for; JSON cannot. */
function acceptJsonOnly(errors: ErrorCatalog): RequestHandler {
  return (req, res, next) => {
    if (req.method !== "POST") {
      res.setHeader("allow", "POST");
      return sendError(res, errors, "LF910", req.method);
    }
    const [type = ""] = (req.headers["content-type"] ?? "").split(";");
    if (type.trim().toLowerCase() !== "application/json") {
      return sendError(res, errors, "LF902", type.trim() || "a body without content type");
    }
    next();
  };
}

type Edge = Pick<AppOptions, "allowances" | "errors" | "identity">;

/** Finds out who asks, once, and keeps it for all that the request sets off. */
function identify({ allowances, errors, identity }: Edge, whom?: "newcomers too"): RequestHandler {
  return async (req, res, next) => {
    const id = String(req.id);
    const caller = await identifyCaller(req.headers.authorization, id, identity);
    const whence = { ipAddress: req.ip, userAgent: req.headers["user-agent"], tally: res.locals.tally as Tally };
    if ("newcomer" in caller && caller.newcomer && whom) {
      return withRequest({ id, caller: caller.newcomer, isNewcomer: true, ...whence }, next);
    }
    if ("refusal" in caller) {
      const visitor: Asker = {
        caller: { kind: "visitor", rolePrefix: identity.rolePrefix },
        ipAddress: req.ip,
      };
      if (await refuseTooMany(allowances, errors, res, visitor)) return;
      res.setHeader("www-authenticate", 'Bearer realm="landfall"');
      return sendError(res, errors, caller.refusal, ...caller.particulars);
    }
    withRequest({ id, caller, ...whence }, next);
  };
}

/** Lets nobody ask more often than they may. */
function spend({ allowances, errors }: Edge): RequestHandler {
  return async (req, res, next) => {
    const asker = currentRequest();
    if (asker === undefined) throw new Error("Nobody was identified.");
    const query: unknown = req.body?.query;
    const costs = typeof query === "string" ? factsOf(query).costs : undefined;
    if (!(await refuseTooMany(allowances, errors, res, asker, costs))) next();
  };
}

/** Whoever signed in with a password that somebody else made may choose one of their own. */
function keepNewcomersToTheirPassword(errors: ErrorCatalog): RequestHandler {
  return (req, res, next) => {
    if (currentRequest()?.isNewcomer && !factsOf(req.body.query).isPasswordChange)
      return sendError(res, errors, "LF049");
    next();
  };
}

async function refuseTooMany(
  allowances: Allowances,
  errors: ErrorCatalog,
  res: express.Response,
  asker: Asker,
  costs?: ReadonlyMap<RequestKind, number>,
): Promise<boolean> {
  const refused = await allowances.spend(asker, costs);
  if (refused === null) return false;
  res.setHeader("retry-after", String(refused.retryAfterSeconds));
  sendWorded(res, errors, refused.error);
  return true;
}

/** Reads JSON of the size that the caller may send; who sends more is answered at once and not listened to any longer. */
function readBody({ errors }: Edge): RequestHandler {
  const readers = new Map(
    [MAX_VISITOR_REQUEST_BYTES, MAX_REQUEST_BYTES].map((limit) => [limit, express.json({ limit })] as const),
  );
  return (req, res, next) => {
    const limit = req.headers.authorization === undefined ? MAX_VISITOR_REQUEST_BYTES : MAX_REQUEST_BYTES;
    let received = 0;
    req.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received <= limit || res.headersSent) return;
      res.setHeader("connection", "close");
      res.once("finish", () => req.socket.destroySoon());
      sendError(res, errors, "LF901", `${limit / 1_000} kB`);
    });
    readers.get(limit)?.(req, res, next);
  };
}

/** Puts the document that a request means where GraphQL looks for it. */
function readDocument({ errors }: Edge, documents: Documents, metrics: Metrics): RequestHandler {
  return async (req, res, next) => {
    const body: unknown = req.body;
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      return sendError(res, errors, "LF900", "the body is no JSON object.");
    }
    const found = await documents.find(body);
    if (typeof found !== "string") return sendWorded(res, errors, found);
    req.body = { ...body, query: found };
    if (idOf(body) !== undefined) metrics.nameOperation(res.locals.tally, factsOf(found).name);
    next();
  };
}

/** What reading the body, or a mounted router, threw. */
function answerErrors(errors: ErrorCatalog): ErrorRequestHandler {
  return (error: Error & { type?: string; status?: number; limit?: number; code?: string }, req, res, next) => {
    if (res.headersSent) return next(error);
    switch (error.type) {
      case "entity.too.large":
        return sendError(res, errors, "LF901", `${(error.limit ?? 0) / 1_000} kB`);
      case "entity.parse.failed":
        return sendError(res, errors, "LF900", "the body is not valid JSON.");
      case "encoding.unsupported":
      case "charset.unsupported":
        return sendError(res, errors, "LF902", "this encoding of a body");
    }
    if (error.status !== undefined && error.status >= 400 && error.status < 500) {
      return sendError(res, errors, "LF900", `${error.message}.`);
    }
    const errorId = String(req.id);
    const code = codeOf(error, errors);
    req.log.error({ errorId, err: error }, "a request failed");
    sendError(res, errors, code, errorId);
  };
}

/** What whoever asked is told of an error that is not theirs; its particulars are for the log alone. */
function codeOf(error: Error & { code?: string }, errors: ErrorCatalog): string {
  if (error.code === errorCodes.file_store_unusable) return error.code;
  return errors.isUnavailable(error) ? "LF908" : (passingCode(error) ?? "LF905");
}
