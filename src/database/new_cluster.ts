/** Making a cluster: its folder, its administrator, its order of text. */
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PostgresMajor } from "../config.ts";
import { errorMessage, LandfallError } from "../errors.ts";
import { administrator, explainFailure, isAlive, serverEnvironment } from "./server_process.ts";
import { serverPrograms } from "./server_programs.ts";
import { type ServerUser, serverUser } from "./server_user.ts";

export interface ClusterOptions {
  major: PostgresMajor;
  /** For tests: give up safety against a power cut for speed. */
  isDurable?: boolean;
}

/** Runs initdb beside the final place and moves the result there, so that a cluster is whole or not there at all. */
export function makeCluster(pgData: string, password: string, options: ClusterOptions): void {
  const draft = `${pgData}.${process.pid}`;
  try {
    removeAbandonedDrafts(pgData);
    renameSync(draftCluster(draft, password, options), pgData);
  } catch (error) {
    if (error instanceof LandfallError) throw error;
    // Another process may have made the same cluster meanwhile: its one counts.
    if (!existsSync(join(pgData, "PG_VERSION"))) explainFailure(errorMessage(error), pgData);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Tries the locales in turn, for a system may lack one; gives the new cluster's folder. */
function draftCluster(draft: string, password: string, options: ClusterOptions): string {
  const user = serverUser();
  const programs = serverPrograms(options.major, user);
  const cluster = join(draft, "cluster");
  const passwordFile = join(draft, "password");
  let problem = "";
  for (const locale of localesOf(options.major)) {
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(cluster, { recursive: true, mode: 0o700 });
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user) for (const path of [draft, cluster, passwordFile]) chownSync(path, user.uid, user.gid);
    const complaint = runInitdb(programs, cluster, passwordFile, locale, user, options);
    if (complaint === undefined) return cluster;
    problem = complaint;
    if (!/invalid locale/i.test(problem)) break;
  }
  return explainFailure(problem, draft);
}

/**
 * The same order of text on every machine: the server's own C.UTF-8 where it has one (17 and later), else the system's, else
 * plain C. The embedded ICU is old, so it is never the default.
 */
function localesOf(major: PostgresMajor): string[][] {
  if (major >= 17) return [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]];
  return [["--locale=C.UTF-8"], ["--locale=en_US.UTF-8"], ["--locale=C"]];
}

/** What initdb complained of, or undefined where it succeeded. */
function runInitdb(
  programs: string,
  cluster: string,
  passwordFile: string,
  locale: string[],
  user: ServerUser | undefined,
  options: ClusterOptions,
): string | undefined {
  const args = [
    `--pgdata=${cluster}`,
    `--username=${administrator}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--data-checksums",
    "--no-instructions",
    ...locale,
    ...(options.isDurable === false ? ["--no-sync"] : []),
  ];
  const { status, error, stderr } = spawnSync(join(programs, "bin", "initdb"), args, {
    ...user,
    cwd: "/",
    env: serverEnvironment(),
    encoding: "utf8",
  });
  if (status === 0) return undefined;
  return error ? errorMessage(error) : stderr.trim();
}

function removeAbandonedDrafts(pgData: string): void {
  for (const name of readdirOf(dirname(pgData))) {
    const [, pid] = new RegExp(`^${basename(pgData)}\\.(\\d+)$`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(dirname(pgData), name), { recursive: true, force: true });
    }
  }
}

function readdirOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
