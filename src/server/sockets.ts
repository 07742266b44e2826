/** Subscriptions come over a WebSocket (graphql-transport-ws), at the same path as everything else. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { CloseCode, makeServer, type ServerOptions } from "graphql-ws";
import type { Logger } from "pino";
import { type GrafservBase, makeGraphQLWSConfig } from "postgraphile/grafserv";
import { GraphQLError } from "postgraphile/graphql";
import { type WebSocket, WebSocketServer } from "ws";
import type { Allowances } from "./allowances.ts";
import type { Documents } from "./documents.ts";
import type { ErrorCatalog, WordedError } from "./errors.ts";
import { type IdentitySources, identifyCaller } from "./identity.ts";
import { factsOf } from "./operations.ts";
import type { Caller, CurrentRequest } from "./request.ts";

/** Sockets that one person may have open, or one address where nobody is signed in; in each process. */
export const MAX_SOCKETS = 10;

/** Subscriptions that one socket may carry. */
export const MAX_SUBSCRIPTIONS = 20;

/** Largest message, in bytes: a subscription is short. */
export const MAX_MESSAGE_BYTES = 100_000;

/** How often open sockets are looked at, in milliseconds. */
export interface SocketTiming {
  /** Whether their sessions still hold. */
  checkEvery: number;
  /** Whether they are still there: one that does not answer by the next time is cut. */
  pingEvery: number;
}

export const socketTiming: SocketTiming = { checkEvery: 5_000, pingEvery: 12_000 };

/** RFC 6455, 7.4.1: the server goes down; clients come back by themselves. */
const GOING_AWAY = 1001;

/** How long a client may take to say goodbye, in milliseconds. */
const FAREWELL = 1_000;

/** `4429`, as graphql-ws has it for too many of something. */
const tooMany = CloseCode.TooManyInitialisationRequests;

export interface SocketOptions {
  allowances: Allowances;
  documents: Documents;
  errors: ErrorCatalog;
  identity: IdentitySources;
  log: Logger;
  /** Whether a proxy's word about where a connection comes from is believed: Express's own reading of `trust proxy`. */
  isTrusted(address: string, hops: number): boolean;
  timing: SocketTiming;
}

type SocketRequest = NonNullable<Grafast.RequestContext["ws"]>;

/**
 * Finds out who speaks on a socket. Browsers cannot send headers with one, so the token comes in the connection's first message:
 * `{"authorization": "Bearer …"}`.
 */
export async function identifySocket(
  { normalizedConnectionParams, request }: Pick<SocketRequest, "normalizedConnectionParams" | "request">,
  errors: ErrorCatalog,
  sources: IdentitySources,
): Promise<CurrentRequest> {
  const given = normalizedConnectionParams?.authorization;
  const authorization = typeof given === "string" ? given : request?.headers.authorization;
  const id = randomUUID();
  const caller = await identifyCaller(authorization, id, sources);
  if ("refusal" in caller) throw errors.safe(caller.refusal, ...caller.particulars);
  return { id, caller, ipAddress: request?.socket.remoteAddress, userAgent: request?.headers["user-agent"] };
}

/** What is kept of an open socket. */
interface Open {
  socket: WebSocket;
  request: IncomingMessage;
  ipAddress: string;
  caller: Caller;
}

type Serv = GrafservBase & { shouldHandleUpgrade(req: never, socket: never, head: never): boolean };

/**
 * Lets sockets in at the path of GraphQL, and cuts every other one off: so many for each caller, each with so many subscriptions and short
 * messages. A socket ends with its session, within a few seconds.
 *
 * @returns ends all of them, for when the server closes
 */
export function acceptSockets(server: Server, serv: Serv, options: SocketOptions): () => void {
  const { allowances, documents, errors, identity, log, timing } = options;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  const open = new Set<Open>();
  const grafserv = makeGraphQLWSConfig(serv) as ServerOptions;
  const graphql = makeServer<Record<string, unknown>, Open>({
    ...grafserv,
    async onConnect({ connectionParams, extra }) {
      const authorization = connectionParams?.authorization ?? extra.request.headers.authorization;
      const caller = await identifyCaller(
        typeof authorization === "string" ? authorization : undefined,
        randomUUID(),
        identity,
      );
      // Whose token does not count is told so when they subscribe, in words.
      if (!("refusal" in caller)) extra.caller = caller;
      const sameCaller = [...open].filter((other) => nameOf(other) === nameOf(extra)).length;
      if (sameCaller > MAX_SOCKETS) extra.socket.close(tooMany, `At most ${MAX_SOCKETS} sockets at once`);
    },
    async onSubscribe(ctx, id, payload) {
      const subscriptions = Object.keys(ctx.subscriptions).length;
      if (subscriptions > MAX_SUBSCRIPTIONS) {
        return refusal(errors.word("LF915", `${MAX_SUBSCRIPTIONS} subscriptions on this socket`));
      }
      const query = await documents.find(payload);
      if (typeof query !== "string") return refusal(query);
      const refused = await allowances.spend(ctx.extra, factsOf(query).costs);
      if (refused !== null) return refusal(refused.error);
      return await grafserv.onSubscribe?.(ctx as never, id, { ...payload, query });
    },
  } as ServerOptions<Record<string, unknown>, Open>);

  const enter = (socket: WebSocket, request: IncomingMessage) => {
    const ipAddress = addressOf(request, options.isTrusted);
    const one: Open = { socket, request, ipAddress, caller: { kind: "visitor", rolePrefix: identity.rolePrefix } };
    open.add(one);
    keepAlive(socket, timing.pingEvery);
    const closed = graphql.opened(
      {
        protocol: socket.protocol,
        send: (text) =>
          new Promise((resolve, reject) => socket.send(text, (error) => (error ? reject(error) : resolve()))),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on("message", (message) => {
            take(String(message)).catch((error: Error) => {
              log.error({ err: error }, "a socket's message failed");
              socket.close(CloseCode.InternalServerError, "Something went wrong on our side");
            });
          }),
      },
      one,
    );
    socket.on("error", (error) => log.debug({ err: error }, "a socket failed"));
    socket.once("close", (code, reason) => {
      open.delete(one);
      closed(code, String(reason)).catch((error: Error) => log.error({ err: error }, "a socket did not end well"));
    });
  };

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!serv.shouldHandleUpgrade(request as never, socket as never, head as never)) socket.destroy();
    else sockets.handleUpgrade(request, socket, head, (webSocket) => enter(webSocket, request));
  });
  const check = setInterval(() => {
    endWithSessions(open, identity).catch((error: Error) => log.warn({ err: error }, "sessions were not checked"));
  }, timing.checkEvery);
  check.unref();
  return () => {
    clearInterval(check);
    for (const { socket } of open) {
      socket.close(GOING_AWAY, "The server stops");
      setTimeout(() => socket.terminate(), FAREWELL).unref();
    }
  };
}

function refusal({ message, extensions }: WordedError): GraphQLError[] {
  return [new GraphQLError(message, { extensions: { ...extensions } })];
}

function nameOf({ caller, ipAddress }: Open): string {
  return caller.kind === "visitor" ? ipAddress : caller.userId;
}

/** Closes the sockets whose session has ended or was revoked; one question for all of them. */
async function endWithSessions(open: ReadonlySet<Open>, { pool }: IdentitySources): Promise<void> {
  const users = [...open].flatMap(({ socket, caller }) => (caller.kind === "visitor" ? [] : [{ socket, caller }]));
  if (users.length === 0) return;
  const { rows } = await pool.query<{ number: number }>(
    `select s.number::integer - 1 as number
     from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as s (session_id, user_id, tenant_id, number)
     where app.authorize_session(s.session_id, s.user_id, s.tenant_id) is null`,
    [
      users.map(({ caller }) => caller.sessionId),
      users.map(({ caller }) => caller.userId),
      users.map(({ caller }) => (caller.kind === "user" ? caller.tenantId : null)),
    ],
  );
  for (const { number } of rows) users[number]?.socket.close(CloseCode.Unauthorized, "Your sign-in has ended");
}

/** Asks a socket whether it is there, and cuts it off where it has not answered by the next time. */
function keepAlive(socket: WebSocket, pingEvery: number): void {
  let isAlive = true;
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, pingEvery);
  timer.unref();
  socket.on("pong", () => {
    isAlive = true;
  });
  socket.once("close", () => clearInterval(timer));
}

/** Where a connection comes from, by the word of the proxies that are trusted, as Express has it for requests. */
function addressOf(request: IncomingMessage, isTrusted: SocketOptions["isTrusted"]): string {
  const forwarded = String(request.headers["x-forwarded-for"] ?? "")
    .split(",")
    .map((address) => address.trim())
    .filter(Boolean)
    .reverse();
  let address = request.socket.remoteAddress ?? "unknown";
  for (const [hops, next] of forwarded.entries()) {
    if (!isTrusted(address, hops)) break;
    address = next;
  }
  return address;
}
