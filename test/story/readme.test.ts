/** The README's five minutes, run as they stand there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDir } from "../../src/config.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Installation, makeDataDir, removeDataDir, startInstallation } from "./installation.ts";

const readme = readFileSync(join(projectDir, "README.md"), "utf8");

/** The shell blocks of the README's second part, pointed at this installation. */
function blocks({ apiUrl }: Installation, dataDir: string): string {
  const fiveMinutes = readme.slice(
    readme.indexOf("## The next five minutes"),
    readme.indexOf("## On a server of yours"),
  );
  return [...fiveMinutes.matchAll(/```sh\n([^`]*)```/g)]
    .map(([, block]) => block)
    .join("\n")
    .replaceAll("http://localhost:3001/graphql", apiUrl)
    .replaceAll(".data/credentials.json", join(dataDir, "credentials.json"))
    .replaceAll("npm run landfall --", `"${process.execPath}" scripts/landfall.js`);
}

async function runInShell(script: string, environment: Record<string, string>): Promise<string> {
  const shell = spawn("bash", ["-euc", script], {
    cwd: projectDir,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk;
    });
  }
  const [status] = await once(shell, "exit");
  if (status !== 0) throw new Error(`the README's commands ended with ${status}: ${said}`);
  return said;
}

test("can follow the README's five minutes to the letter", async () => {
  const dataDir = makeDataDir();
  const database = await createTestDatabase();
  const environment = {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_ROLE_PREFIX: database.rolePrefix,
    LANDFALL_DATA_DIR: dataDir,
  };
  try {
    const installation = await startInstallation(dataDir, environment);
    const said = await runInShell(blocks(installation, dataDir), environment);
    expect(said).not.toContain('"errors"');
    expect(said).toContain('"allowedTransitions":["client_review","archived"]');
    expect(said).toContain('"approval":{"status":"approved"}');
    expect(said).toMatch(/"publication":\{"status":"queued"\}/);
    expect(said).toContain("Harbourlight Weddings");
    expect(said).toMatch(/111\s+103\s+0\s+0\s+5\s+3\s+0/);
    expect(await installation.end()).toBe(0);
  } finally {
    await database.drop();
    removeDataDir(dataDir);
  }
});
