/** Everything that a change must pass besides the tests: `npm run check`. One line for each check, then how many passed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { projectDir } from "../src/config.ts";
import { compilePlaceholders, migrationSettings } from "../src/database/migrate.ts";
import { allRules } from "../src/database/rules/all_rules.ts";
import { rerunFixtures, unusedFixtures } from "../src/database/rules/fixtures.ts";
import { findOffenders, wordFinding } from "../src/database/rules/rule.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { errorMessage } from "../src/errors.ts";
import { rolePrefix, startTestCluster, type TestCluster, templateDatabase } from "../test/support/cluster.ts";

/** What is wrong, or nothing; `skipped` says why a check cannot be made here. */
type Outcome = { problems: string[]; skipped?: string };

const programs = join(projectDir, "node_modules", ".bin");
const committed = join(projectDir, "migrations", "committed");

const checks: { name: string; run: (ownerUrl: string) => Outcome | Promise<Outcome> }[] = [
  { name: "types", run: () => command(join(programs, "tsc"), ["--noEmit"]) },
  { name: "lint and format", run: () => command(join(programs, "biome"), ["ci", "--reporter=github", "."]) },
  { name: "generated files", run: () => command(process.execPath, ["scripts/generate.ts", "--check"]) },
  { name: "lock file", run: () => command(process.execPath, ["scripts/complete_lock_file.ts", "--check"]) },
  { name: "migrations applied, nothing pending", run: checkMigrations },
  { name: "fixtures run again without effect", run: checkFixtures },
  { name: "rules of the schema", run: checkRules },
  { name: "squawk over the compiled migrations", run: runSquawk },
  { name: "docker compose config", run: checkCompose },
];

function command(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: projectDir,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) return { problems: [error.message] };
  return { problems: status === 0 ? [] : [`${stdout}${stderr}`.trim() || `${program} ended with ${status}`] };
}

/** graphile-migrate's own answer: 1 for a migration that is not applied, 2 for a current.sql that is not blank. */
function checkMigrations(ownerUrl: string): Outcome {
  return command(join(programs, "graphile-migrate"), ["status"], {
    DATABASE_URL: ownerUrl,
    // It wants a name for the shadow database and does not go there.
    SHADOW_DATABASE_URL: "postgres:///landfall_shadow",
  });
}

async function checkFixtures(ownerUrl: string): Promise<Outcome> {
  const unused = await unusedFixtures(rolePrefix);
  return {
    problems: [
      ...unused.map((name) => `migrations/fixtures/${name} is included by no migration`),
      ...(await rerunFixtures(ownerUrl, rolePrefix)),
    ],
  };
}

async function checkRules(ownerUrl: string): Promise<Outcome> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const findings = await findOffenders(client, allRules, { rolePrefix });
    return { problems: findings.map(wordFinding) };
  } finally {
    await client.end();
  }
}

async function runSquawk(): Promise<Outcome> {
  const { placeholders } = await migrationSettings(rolePrefix);
  const folder = mkdtempSync(join(tmpdir(), "landfall-squawk-"));
  try {
    const files = readdirSync(committed).filter((name) => name.endsWith(".sql"));
    for (const name of files) {
      const text = readFileSync(join(committed, name), "utf8");
      writeFileSync(join(folder, name), compilePlaceholders(text, placeholders));
    }
    return command(join(programs, "squawk"), ["--reporter=gcc", ...files.map((name) => join(folder, name))]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkCompose(): Outcome {
  const compose = [["docker", "compose"], ["docker-compose"]].find(
    ([program = "", ...args]) => spawnSync(program, [...args, "version"], { stdio: "ignore" }).status === 0,
  );
  if (!compose) return { problems: [], skipped: "neither docker compose nor docker-compose is installed" };
  const [program = "", ...args] = compose;
  return command(program, [...args, "config", "--quiet"], {
    LANDFALL_SECRET_KEY: "x",
    JWT_SECRET: "x",
    POSTGRES_PASSWORD: "x",
  });
}

async function withCluster(work: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const cluster = await startTestCluster();
  try {
    await work(cluster);
  } finally {
    await cluster.stop();
  }
}

const count = { passed: 0, FAILED: 0, skipped: 0 };
await withCluster(async (cluster) => {
  const adminUrl = cluster.adminUrl.replace(/\/[^/]*$/, `/${templateDatabase}`);
  const { owner } = deriveUrls(adminUrl, cluster.secretKey, rolePrefix);
  for (const { name, run } of checks) {
    const { problems, skipped } = await Promise.resolve(run(owner)).catch((error) => ({
      problems: [errorMessage(error)],
      skipped: undefined,
    }));
    const verdict = problems.length > 0 ? "FAILED" : skipped ? "skipped" : "passed";
    count[verdict] += 1;
    process.stdout.write(`${verdict.padEnd(7)}  ${name}${skipped ? ` (${skipped})` : ""}\n`);
    for (const problem of problems) process.stdout.write(`${problem.replace(/^/gm, "    ")}\n`);
  }
});
const skippedToo = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
process.stdout.write(`${count.passed} passed, ${count.FAILED} failed${skippedToo}\n`);
process.exitCode = count.FAILED === 0 ? 0 : 1;
