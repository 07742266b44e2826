import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { sandboxToken } from "../../config.ts";
import { administer } from "./admin.ts";
import { type Answer, Refusal, refuse } from "./answers.ts";
import { builderOperations } from "./builder.ts";
import { type Call, locationOf } from "./calls.ts";
import { checkLocation, checkScope, checkToken, checkUserAgent, checkVersion } from "./checks.ts";
import { createClock } from "./clock.ts";
import { customValueOperations } from "./custom_values.ts";
import { createFaults, type Fault } from "./faults.ts";
import { createJournal, type JournalEntry } from "./journal.ts";
import { createLimiter, defaultLimits, type LimitSettings } from "./limits.ts";
import { answerOauth } from "./oauth.ts";
import { renderPage } from "./page.ts";
import { doDeed } from "./people.ts";
import { type OfferedPipeline, offerPipelines } from "./pipelines.ts";
import { createRandom, drawLatency } from "./random.ts";
import { readingOperations } from "./readings.ts";
import { findRoute } from "./routes.ts";
import { parseBody } from "./schemas.ts";
import { snippetOperations } from "./snippets.ts";
import { storedContent } from "./storage.ts";
import { openStore } from "./store.ts";
import { type Switches, type SwitchesInput, switchesSchema } from "./switches.ts";
import { tagOperations } from "./tags.ts";
import { templateOperations } from "./templates.ts";
import { createTokens, type OauthApp, type TokenInput } from "./tokens.ts";

export type SandboxOptions = {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** Where the account is kept between runs; without it, in memory alone. */
  dataFile?: string;
  /** The tokens that are accepted; by default `sandboxToken`, which opens every location. */
  tokens?: TokenInput[];
  /** The OAuth apps that may refresh tokens; none by default. */
  apps?: OauthApp[];
  limits?: LimitSettings;
  /** Where specification and field disagree; by default as the field has it. */
  switches?: SwitchesInput;
  /** Makes the ids of one run the same as another's. */
  seed?: string;
};

export type Sandbox = {
  url: string;
  port: number;
  /** Adds pipelines as if people had made them there, those that are not there yet: the API can only read them. */
  offerPipelines(pipelines: OfferedPipeline[]): void;
  close(): Promise<void>;
};

const operations = [
  ...templateOperations,
  ...builderOperations,
  ...customValueOperations,
  ...tagOperations,
  ...snippetOperations,
  ...readingOperations,
];
const bodyLimit = 10 * 1024 * 1024;

async function readCall(request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? "/", "http://sandbox");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
  }
  if (size > bodyLimit) refuse(413, "request entity too large");
  const rawBody = Buffer.concat(chunks).toString("utf8");
  return {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    rawBody,
  };
}

/** A call too many, in the form that the switches say: the bodies of live 429s are not known. */
function tooMany(switches: Switches, { intervalMs }: LimitSettings): Answer {
  const headers = switches.retryAfter ? { headers: { "Retry-After": String(Math.ceil(intervalMs / 1_000)) } } : {};
  if (switches.rateBody === "json") {
    return { status: 429, body: { statusCode: 429, message: "Too Many Requests" }, ...headers };
  }
  const body = switches.rateBody === "html" ? "<html><body>429 Too Many Requests</body></html>" : "";
  return { status: 429, body, contentType: "text/html", ...headers };
}

function send(response: ServerResponse, answer: Answer, headers: Record<string, string> = {}): void {
  const isText = answer.contentType !== undefined;
  response.writeHead(answer.status, {
    "Content-Type": answer.contentType ?? "application/json; charset=utf-8",
    ...headers,
    ...answer.headers,
  });
  response.end(isText ? String(answer.body) : JSON.stringify(answer.body));
}

/**
 * Starts a GoHighLevel that runs here: enough of its API to publish journeys to, kept in a file, with faults on demand
 * (`/__fake`) and a page that shows what it holds (`/`). It checks what GoHighLevel checks, in the order in which it does.
 *
 * @throws where the port is taken or the data file does not hold a state of ours.
 */
export async function startGohighlevelSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const clock = createClock();
  const store = openStore(options.dataFile, options.seed ?? "landfall");
  const faults = createFaults();
  const journal = createJournal(clock);
  const switches = switchesSchema.parse(options.switches ?? {});
  const limiter = createLimiter(clock, { ...(options.limits ?? defaultLimits) }, switches);
  const tokens = createTokens(clock, options.tokens ?? [{ token: sandboxToken }], options.apps ?? []);
  const random = createRandom(0);
  const closing = new AbortController();
  let url = "";

  /** Runs a call through the checks and its handler. Everything that is refused comes back as an answer too. */
  function answerCall(
    call: Call,
    traceId: string,
    fault: Fault | null,
  ): { answer: Answer; headers: Record<string, string> } {
    let headers = limiter.peek(`anonymous ${locationOf(call) ?? ""}`);
    try {
      checkUserAgent(call, switches);
      const granted = answerOauth(call, tokens);
      if (granted !== null) return { answer: granted, headers };
      const version = checkVersion(call, switches);
      const token = checkToken(call, tokens);
      const route = findRoute(operations, call.method, call.path, version);
      checkScope(token, route?.operation.scope ?? null);
      const locationId = checkLocation(call, token);
      const verdict = limiter.take(token.token, locationId);
      headers = verdict.headers;
      if (!verdict.allowed) throw new Refusal(tooMany(switches, limiter.settings));
      if (route === null) refuse(404, `Cannot ${call.method} ${call.path}`);
      if (locationId !== null) knowLocation(locationId);
      const answer = route.operation.handle({
        store,
        clock,
        switches,
        url,
        params: route.params,
        query: call.query,
        body: parseBody(call.rawBody),
        traceId,
        dropContent: fault?.kind === "content-dropped" || fault?.dropsContent === true,
        listLagMs: fault?.kind === "list-lag" ? (fault.ms ?? 0) : 0,
      });
      return { answer, headers };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { answer } = error;
      const isPlain = answer.contentType === undefined && !Object.hasOwn(answer.body as object, "error_description");
      const body = isPlain ? { ...(answer.body as object), traceId } : answer.body;
      return { answer: { ...answer, body }, headers };
    }
  }

  function knowLocation(locationId: string): void {
    if (store.state.locations.some((row) => row.id === locationId)) return;
    store.commit((state) => {
      state.locations.push({ id: locationId, name: "Location", timezone: "America/New_York" });
    });
  }

  function applyCall(call: Call, entry: JournalEntry, fault: Fault | null) {
    const before = store.state.made;
    const result = answerCall(call, entry.traceId, fault);
    entry.committed = result.answer.status < 300 ? call.method !== "GET" : store.state.made !== before;
    return result;
  }

  async function serveApi(call: Call, response: ServerResponse): Promise<void> {
    const fault = faults.take(call);
    const entry = journal.open(call, randomUUID(), fault?.kind ?? null);
    const finish = (answer: Answer, headers: Record<string, string>) => {
      entry.status = answer.status;
      send(response, answer, headers);
    };
    const wait = (ms: number) => sleep(ms, undefined, { signal: closing.signal });
    await wait(drawLatency(random, switches.latencyMs));

    switch (fault?.kind) {
      case "deed":
        if (fault.deed !== undefined) doDeed(fault.deed, { store, clock, tokens });
        break;
      case "maintenance":
        return finish(
          { status: 503, body: "<html><body>Under maintenance</body></html>", contentType: "text/html" },
          {},
        );
      case "redirect":
        return finish({ status: 302, body: "", contentType: "text/html", headers: { Location: "/elsewhere" } }, {});
      case "status":
        return finish(faultAnswer(fault), limiter.peek("fault"));
      case "hang-before-commit":
        return;
      case "reset-before-commit":
        response.destroy();
        return;
      case "late-commit":
        await wait(fault.ms ?? 0);
        applyCall(call, entry, fault);
        return;
      case "delay":
        await wait(fault.ms ?? 0);
    }

    const { answer, headers } = applyCall(call, entry, fault);
    switch (fault?.kind) {
      case "commit-then-hang":
        return;
      case "commit-then-reset":
        response.destroy();
        return;
      case "commit-then-status":
        return finish(faultAnswer(fault), headers);
      case "422-but-created":
        return finish(
          { status: 422, body: { statusCode: 422, message: ["name is invalid"], error: "Unprocessable Entity" } },
          headers,
        );
      case "invalid-json":
        return finish({ status: answer.status, body: '{"id":"', contentType: "application/json" }, headers);
      case "without-id":
        return finish({ status: answer.status, body: { traceId: entry.traceId } }, headers);
    }
    if (fault?.kind === "slow-drip") {
      entry.status = answer.status;
      return drip(response, answer, headers, fault.ms ?? 0);
    }
    finish(answer, headers);
  }

  /** Sends an answer byte by byte, over so many milliseconds. */
  async function drip(response: ServerResponse, answer: Answer, headers: Record<string, string>, ms: number) {
    const text = JSON.stringify(answer.body);
    response.writeHead(answer.status, { "Content-Type": "application/json; charset=utf-8", ...headers });
    const piece = Math.ceil(text.length / 10);
    for (let start = 0; start < text.length && !response.destroyed; start += piece) {
      response.write(text.slice(start, start + piece));
      await sleep(ms / 10, undefined, { signal: closing.signal });
    }
    response.end();
  }

  function faultAnswer(fault: Fault): Answer {
    const status = fault.status ?? 500;
    const body = fault.body ?? JSON.stringify({ statusCode: status, message: "Injected fault" });
    return {
      status,
      body,
      contentType: fault.contentType ?? "application/json",
      ...(fault.headers === undefined ? {} : { headers: fault.headers }),
    };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request);
    if (call.path.startsWith("/__fake/")) {
      return send(response, administer({ store, clock, faults, journal, limiter, tokens, switches }, call));
    }
    if (call.path.startsWith("/storage/")) return send(response, storedContent(store.state, call.path));
    if (call.method === "GET" && call.path === "/") {
      const contentType = "text/html; charset=utf-8";
      const headers = { "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'" };
      return send(response, { status: 200, body: renderPage(store.state, journal.entries()), contentType }, headers);
    }
    await serveApi(call, response);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (closing.signal.aborted || response.headersSent) return response.destroy();
      if (error instanceof Refusal) return send(response, error.answer);
      send(response, { status: 500, body: { statusCode: 500, message: String(error) } });
    });
  });

  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  url = `http://${host}:${port}`;

  return {
    url,
    port,
    offerPipelines: (pipelines) => offerPipelines(store, pipelines),
    close: () =>
      new Promise((resolve, reject) => {
        closing.abort();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
