import http from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";

/*
 * node:http and not fetch: fetch has no time limit for the connection alone, and none for a silent connection; an answer that stalls
 * would hold a batch for minutes.
 */

export interface HttpRequest {
  headers?: Record<string, string>;
  /** How long the connection may take, names and encryption included. */
  connectMs: number;
  /** How long nothing may come. */
  idleMs: number;
  /** How long the whole may take. */
  totalMs: number;
  /** Waited for when the connection stands and before anything is sent: what it throws ends the request. */
  beforeSend?: () => Promise<void>;
  /** More than this is not read. */
  maxBytes: number;
  /** Looks names up, and may refuse what they lead to. */
  lookup?: LookupFunction;
}

export interface HttpAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** The answer's body, unpacked; ends in an error where it is cut, silent or too long. */
  body: AsyncIterable<Buffer>;
}

/** More came than was asked for. */
export class TooLong extends Error {}

const agents = {
  "http:": new http.Agent({ keepAlive: true, maxSockets: 8 }),
  "https:": new https.Agent({ keepAlive: true, maxSockets: 8 }),
};

/**
 * Asks for a URL; follows no redirection.
 *
 * @throws the network's error, or one that says which time limit passed
 */
export async function httpGet(url: URL, request: HttpRequest): Promise<HttpAnswer> {
  const { headers, connectMs, idleMs, totalMs, maxBytes, lookup, beforeSend } = request;
  const protocol = url.protocol as keyof typeof agents;
  const { request: open } = protocol === "https:" ? https : http;
  const signal = AbortSignal.timeout(totalMs);
  return await new Promise<HttpAnswer>((resolve, reject) => {
    const asking = open(url, {
      agent: agents[protocol],
      headers: { "accept-encoding": "gzip", ...headers },
      signal,
      ...(lookup === undefined ? {} : { lookup }),
    });
    const giveUp = (problem: string) => asking.destroy(new Error(problem));
    const send = async () => {
      await beforeSend?.();
      asking.end();
    };
    const sendNow = () => send().catch((error) => asking.destroy(error));
    asking.on("socket", (socket) => {
      if (!socket.connecting) {
        sendNow();
        return;
      }
      const timer = setTimeout(() => giveUp(`no connection within ${seconds(connectMs)}`), connectMs);
      socket.once(protocol === "https:" ? "secureConnect" : "connect", () => {
        clearTimeout(timer);
        sendNow();
      });
      socket.once("close", () => clearTimeout(timer));
    });
    asking.setTimeout(idleMs, () => giveUp(`nothing came for ${seconds(idleMs)}`));
    asking.on("error", (error) =>
      reject(signal.aborted ? new Error(`it took more than ${seconds(totalMs)}`, { cause: error }) : error),
    );
    asking.on("response", (response) => {
      resolve({
        status: response.statusCode as number,
        headers: response.headers,
        body: limited(unpacked(response), maxBytes),
      });
    });
  });
}

/** The whole of a body. */
export async function readWhole(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function unpacked(response: http.IncomingMessage): Readable {
  if (response.headers["content-encoding"] !== "gzip") return response;
  // Whoever reads the unpacked stream meets its errors.
  return pipeline(response, createGunzip(), () => undefined);
}

async function* limited(body: Readable, maxBytes: number): AsyncIterable<Buffer> {
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new TooLong(`it has more than ${maxBytes} bytes`);
    yield chunk;
  }
}

const seconds = (milliseconds: number) => `${milliseconds / 1_000} s`;
