/** The API as a process of its own, as in production, and people who change things through it and never give up. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { OpenDatabase } from "../support/database.ts";
import { type RunningProcess, startLandfall } from "../support/processes.ts";
import { passingCodes } from "./crowd.ts";

export interface ApiProcess extends RunningProcess {
  /** Where it listens. */
  url: string;
}

/** Starts `landfall api` on a database, and waits until it is ready. */
export async function startApi(
  { urls, secretKey, rolePrefix, config }: OpenDatabase,
  variables: Record<string, string> = {},
): Promise<ApiProcess> {
  const running = startLandfall(["api"], {
    DATABASE_URL: urls.admin,
    LANDFALL_SECRET_KEY: secretKey,
    LANDFALL_ROLE_PREFIX: rolePrefix,
    JWT_SECRET: config.jwt.secret,
    API_PORT: "0",
    API_RATE_LIMITS: Object.entries(config.api.rateLimits)
      .map((limit) => limit.join("="))
      .join(","),
    NODE_ENV: "test",
    LOG_LEVEL: "fatal",
    ...variables,
  });
  await running.waitFor(/The API is ready: \S+\/graphql/);
  const [, url = ""] = /The API is ready: (\S+)\/graphql/.exec(running.output()) ?? [];
  return { ...running, url };
}

/** A change that somebody made, under its key, and the answer that they heard in the end. */
export interface Made {
  key: string;
  slug: string;
  answer: string;
}

export interface Crowd {
  /** What was answered so far. */
  made: Made[];
  /** The codes of all errors that anybody saw. */
  codes: Set<string>;
  /** How many requests were not answered at all. */
  unheard(): number;
  /** Lets each finish what they are at. */
  stop(): Promise<void>;
}

const create =
  "mutation ($client: ClientInput!) { createClient(input: { client: $client }) { client { id slug version } } }";

/** Sends one change; gives the answer word for word, or undefined where nothing was heard. */
export async function sendChange(url: string, token: string, { key, slug }: Omit<Made, "answer">) {
  try {
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, "idempotency-key": key },
      body: JSON.stringify({ query: create, variables: { client: { name: "Made under load", slug } } }),
    });
    return await response.text();
  } catch (error) {
    // A socket that was cut, or a port where nobody listens. It comes from outside of Jest's realm, and is no TypeError of ours.
    if ((error as Error).name === "TypeError") return undefined;
    throw error;
  }
}

/** Lets people make clients one after another, each until it is answered; the address may change meanwhile. */
export function startCrowd(url: () => string, tokens: string[]): Crowd {
  const made: Made[] = [];
  const codes = new Set<string>();
  let isStopping = false;
  let unheard = 0;
  const person = async (token: string) => {
    while (!isStopping) {
      const change = { key: randomUUID(), slug: `made-${randomUUID()}` };
      for (;;) {
        const answer = await sendChange(url(), token, change);
        const errors = answer === undefined ? [] : (JSON.parse(answer).errors ?? []);
        if (answer === undefined) unheard += 1;
        for (const { extensions } of errors) codes.add(extensions.code);
        if (answer !== undefined && errors.length === 0) {
          made.push({ ...change, answer });
          break;
        }
        if (errors.some(({ extensions }: Refused) => !passingCodes.includes(extensions.code))) break;
        await sleep(50);
      }
    }
  };
  const people = Promise.all(tokens.map(person));
  return {
    made,
    codes,
    unheard: () => unheard,
    async stop() {
      isStopping = true;
      await people;
    },
  };
}

interface Refused {
  extensions: { code: string };
}
