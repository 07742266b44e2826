import "./grafast_mode.ts";

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Express, Router } from "express";
import type { Logger } from "pino";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/express/v4";
import type { Config } from "../config.ts";
import { createPool } from "../database/pools.ts";
import { errorCode, fail } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { makeAllowances } from "./allowances.ts";
import { type MountedRouter, makeApp } from "./app.ts";
import { serveAttachments } from "./attachments.ts";
import { makeDocuments } from "./documents.ts";
import { readErrorCatalog } from "./errors.ts";
import { makeExternalTokens } from "./external_tokens.ts";
import { handoffPages } from "./handoff.ts";
import { importReports } from "./import_reports.ts";
import { makeListener } from "./listening.ts";
import { makePageTickets } from "./page_tickets.ts";
import { makePreset } from "./preset.ts";
import { acceptSockets, type SocketOptions, type SocketTiming, socketTiming } from "./sockets.ts";
import { makeTokens } from "./tokens.ts";
import { webhooks } from "./webhooks.ts";

export interface ServerOptions {
  config: Config;
  /** Connection string of the authenticator. */
  databaseUrl: string;
  /** The same on a direct connection, for LISTEN; `databaseUrl` where nothing is said. */
  listenUrl?: string;
  log: Logger;
  /** Routes beside GraphQL and the reports of imports; each one's caller is known by `currentRequest()`. */
  routers?: readonly MountedRouter[];
  timing?: SocketTiming;
  /** Connections to the database at most. */
  connections?: number;
}

export interface RunningServer {
  /** Where it listens, for this machine. */
  url: string;
  port: number;
  /** Takes no new requests, finishes those under way (10 s at most), and lets go of the database. */
  close(): Promise<void>;
}

/** How long requests under way may still take when the server closes, in milliseconds. */
const CLOSING_PATIENCE = 10_000;

/** Whoever sends slowly on purpose holds a connection for these many milliseconds at most. */
const SLOWEST = { headersTimeout: 5_000, requestTimeout: 60_000, connectionsCheckingInterval: 1_000 };

/**
 * Starts the API.
 *
 * @throws LandfallError `port_in_use` where another process has the port, `file_store_unusable`
 */
export async function startServer({
  config,
  databaseUrl,
  listenUrl = databaseUrl,
  log,
  routers = [],
  timing = socketTiming,
  connections = 15,
}: ServerOptions): Promise<RunningServer> {
  const files = await openFileStore(config.files);
  await files.tryOut("read");
  const pool = createPool(databaseUrl, {
    applicationName: "landfall api",
    max: connections,
    connectionTimeoutMillis: 2_000,
    previousSecretKey: config.previousSecretKey,
  });
  const listenPool = createPool(listenUrl, {
    applicationName: "landfall api, listening",
    max: 1,
    previousSecretKey: config.previousSecretKey,
  });
  const listener = makeListener(pool, listenPool);
  const endPools = async () => {
    await listener.release();
    await Promise.all([pool.end(), listenPool.end()]);
  };
  try {
    const errors = await readErrorCatalog(pool);
    const tokens = makeTokens(config.jwt.secret, config.jwt.previousSecret);
    const { rolePrefix } = config;
    const identity = { pool, tokens, rolePrefix };
    const documents = makeDocuments(pool, errors, config.api.onlyTrustedDocuments);
    const allowances = makeAllowances(pool, config.api.rateLimits, errors);
    const instance = postgraphile(
      makePreset({
        pool,
        listener,
        errors,
        tokens,
        rolePrefix,
        keys: config,
        sessionSeconds: config.jwt.expiresInSeconds,
        appUrl: config.appUrl,
        externalTokens: config.externalIssuer && makeExternalTokens(config.externalIssuer),
        hasGraphiql: config.environment === "development",
        isIntrospectable: config.environment !== "production",
        log,
      }),
    );
    // A schema that cannot be made stops the start, here and not at the first request.
    await instance.getSchema();
    const serv = instance.createServ(grafserv);
    const graphql = Router();
    await serv.addTo(graphql as Express, null, false);
    const tickets = makePageTickets(config.jwt.secret);
    const reports = importReports({ pool, tickets, errors, rolePrefix });
    const handoffs = handoffPages({ pool, tickets, errors, rolePrefix });
    const ghlWebhooks = webhooks({ pool, errors, log, publicKey: config.gohighlevel.webhookPublicKey });
    const app = makeApp({
      config,
      allowances,
      documents,
      errors,
      identity,
      log,
      pool,
      graphql,
      routers: [reports, handoffs, ghlWebhooks, serveAttachments(pool, files), ...routers],
    });
    const server = createServer(SLOWEST, app);
    await serv.ready();
    const isTrusted = app.get("trust proxy fn") as SocketOptions["isTrusted"];
    const endSockets = acceptSockets(server, serv, {
      allowances,
      documents,
      errors,
      identity,
      log,
      isTrusted,
      timing,
    });
    await listen(server, config.api.host, config.api.port);
    const { port } = server.address() as AddressInfo;
    const host = config.api.host === "0.0.0.0" ? "127.0.0.1" : config.api.host;
    const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    log.info({ url }, "the API listens");
    return {
      url,
      port,
      async close() {
        endSockets();
        await closeServer(server);
        await instance.release();
        await endPools();
        log.info("the API has stopped");
      },
    };
  } catch (error) {
    await endPools();
    throw error;
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((error: unknown) => {
    if (errorCode(error) === "EADDRINUSE") {
      fail("port_in_use", `Port ${port} is in use.`, "Stop what uses it, or set API_PORT to another one.", error);
    }
    throw error;
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSING_PATIENCE);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
