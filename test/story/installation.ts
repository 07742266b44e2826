/** A whole installation, started by the command as a new user would, and asked over HTTP. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDir } from "../../src/config.ts";

export interface Installation {
  apiUrl: string;
  sandboxUrl: string | undefined;
  /** What `landfall start` printed before it was ready. */
  welcome: string;
  process: ChildProcess;
  /** Sends a GraphQL operation; refusals come back with their code. */
  ask(query: string, variables?: Record<string, unknown>, token?: string): Promise<Answer>;
  /** Signs in with the password that the installation wrote down. */
  signIn(email: string): Promise<string>;
  /** Ends it with a signal and gives its exit code; null where the signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: answers are read by tests that know what they asked for
  data: any;
  code: string | undefined;
}

/** A data folder in a temporary place; remove it with `removeDataDir`. */
export function makeDataDir(): string {
  return mkdtempSync(join(tmpdir(), "landfall-story-"));
}

export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true });
}

/**
 * Runs `landfall start` on a data folder until it says that it is ready.
 *
 * @param environment variables besides the ports, which are free ones
 */
export async function startInstallation(
  dataDir: string,
  environment: Record<string, string> = {},
): Promise<Installation> {
  const child = spawn(process.execPath, [join(projectDir, "scripts", "landfall.js"), "start"], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PG_MAJOR: process.env.PG_MAJOR,
      LOG_LEVEL: "error",
      LANDFALL_DATA_DIR: dataDir,
      API_PORT: "0",
      GHL_SANDBOX_PORT: "0",
      MAIL_SANDBOX_PORT: "0",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let complained = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complained += chunk;
  });
  const isOver = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("Ctrl-C stops everything")) resolve();
    });
    isOver.then(() => reject(new Error(`landfall start ended: ${said}${complained}`)), reject);
  });
  const apiUrl = /GraphQL API\s+(\S+)/.exec(said)?.[1] ?? "";
  const sandboxUrl = /GoHighLevel\s+(\S+)\//.exec(said)?.[1];

  async function ask(query: string, variables: Record<string, unknown> = {}, token?: string): Promise<Answer> {
    const response = await fetch(apiUrl, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data: unknown; errors?: { extensions: { code: string } }[] };
    return { data, code: errors?.[0]?.extensions.code };
  }

  return {
    apiUrl,
    sandboxUrl,
    welcome: said,
    process: child,
    ask,
    async signIn(email) {
      const { users } = JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8")) as {
        users: { email: string; password: string }[];
      };
      const password = users.find((user) => user.email === email)?.password;
      const { data } = await ask(
        `mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { token } }`,
        { email, password },
      );
      return data.signIn.token as string;
    },
    async end(signal = "SIGTERM") {
      child.kill(signal);
      await isOver;
      return child.exitCode;
    },
  };
}
