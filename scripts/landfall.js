#!/usr/bin/env node
// The `landfall` command. Runs on any Node from 18 on: where that is too old for Landfall itself, it hands over to the one that
// npm installed among the packages. Variables in a `.env` file beside package.json count where the environment has none of that name.
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const scripts = dirname(fileURLToPath(import.meta.url));
const project = dirname(scripts);
const ownNode = join(project, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");

const [major, minor] = process.versions.node.split(".").map(Number);
const isNewEnough = major > 22 || (major === 22 && minor >= 18);

if (!existsSync(ownNode) || !existsSync(join(project, "node_modules", "commander"))) {
  const { status } = spawnSync(process.execPath, [join(scripts, "bootstrap.js")], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (isNewEnough) {
  // What Node makes of the sources is kept, so that the next command starts sooner.
  module.enableCompileCache(join(project, "node_modules", ".landfall", "compiled"));
  if (existsSync(join(project, ".env"))) process.loadEnvFile(join(project, ".env"));
  // Services tell what they do; a command on a terminal speaks for itself, and its log only of trouble.
  if (!["api", "worker"].includes(process.argv[2])) process.env.LOG_LEVEL ||= "warn";
  await import("../src/cli/landfall.ts");
} else {
  const child = spawn(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
