/** Subscriptions come over a WebSocket (graphql-transport-ws), at the same path as everything else. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import type { GrafservBase } from "postgraphile/grafserv";
import type { ErrorCatalog } from "./errors.ts";
import { type IdentitySources, identifyCaller } from "./identity.ts";
import type { CurrentRequest } from "./request.ts";

/**
 * Finds out who speaks on a socket. Browsers cannot send headers with one, so the token comes in the connection's first message:
 * `{"authorization": "Bearer …"}`.
 */
export async function identifySocket(
  ws: NonNullable<Grafast.RequestContext["ws"]>,
  errors: ErrorCatalog,
  sources: IdentitySources,
): Promise<CurrentRequest> {
  const given = ws.normalizedConnectionParams?.authorization;
  const authorization = typeof given === "string" ? given : ws.request?.headers.authorization;
  const id = randomUUID();
  const caller = await identifyCaller(authorization, id, sources);
  if ("refusal" in caller) throw errors.safe(caller.refusal, ...caller.particulars);
  return { id, caller, ipAddress: ws.request?.socket.remoteAddress, userAgent: ws.request?.headers["user-agent"] };
}

type NodeServ = GrafservBase & {
  getUpgradeHandler(): Promise<((req: never, socket: never, head: never) => void) | null>;
  shouldHandleUpgrade(req: never, socket: never, head: never): boolean;
};

/** Lets sockets in at the path of GraphQL, and cuts every other one off. When the server closes, so do they. */
export async function acceptSockets(server: Server, serv: NodeServ): Promise<void> {
  const upgrade = await serv.getUpgradeHandler();
  if (upgrade === null) return;
  const open = new Set<Duplex>();
  server.on("upgrade", (req, socket, head) => {
    if (!serv.shouldHandleUpgrade(req as never, socket as never, head as never)) {
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    upgrade(req as never, socket as never, head as never);
  });
  serv.onRelease(() => {
    for (const socket of open) socket.destroy();
  });
}
