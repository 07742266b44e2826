/** PostgreSQL refuses to run as root: who runs it then, and what that user can reach. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { errorMessage, fail } from "../errors.ts";
import { childLogger } from "../log.ts";

const log = childLogger({ area: "database" });

export interface ServerUser {
  uid: number;
  gid: number;
}

/**
 * The user that runs the embedded server: undefined for "whoever we are", or an unprivileged one where we are root:
 * `postgres` (made where it is missing), else `nobody`.
 *
 * @throws LandfallError `no_server_user` where root finds no such user
 */
export function serverUser(): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return (
    findUser("postgres") ??
    makeUser("postgres") ??
    findUser("nobody") ??
    fail(
      "no_server_user",
      "PostgreSQL does not run as root, and no other user was found for it.",
      "Make one (useradd --system postgres), start Landfall as another user, or set DATABASE_URL to a server of yours.",
    )
  );
}

/** The owner of an existing folder, where we are root and that owner is not: a cluster goes on as the user who began it. */
export function ownerOf(folder: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(folder);
  return uid === 0 ? serverUser() : { uid, gid };
}

/** Whether the user can go through every folder above the path; root's own folders are often closed to others (mode 700). */
export function canReach(path: string, user: ServerUser | undefined): boolean {
  if (user === undefined) return true;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { uid, gid, mode } = statSync(folder);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/**
 * A folder of root's that the server's user can go through, for what cannot stay below a closed one.
 *
 * @throws LandfallError `no_reachable_folder` where there is none
 */
export function reachableFolder(user: ServerUser): string {
  for (const folder of [
    "/var/lib/landfall",
    join("/var/tmp", "landfall"),
    join(tmpdir(), "landfall"),
    "/tmp/landfall",
  ]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      // In a folder that everybody may write to, another user could have been there first.
      if (statSync(folder).uid === 0 && canReach(join(folder, "x"), user)) return folder;
    } catch (error) {
      log.debug({ folder, error: errorMessage(error) }, "not a place for the server");
    }
  }
  return fail(
    "no_reachable_folder",
    `The user who runs PostgreSQL (uid ${user.uid}) can reach neither this folder nor any other of ours.`,
    "Start Landfall as a user other than root, move the project below a folder that others may enter (chmod o+x), or set DATABASE_URL to a server of yours.",
  );
}

function findUser(name: string): ServerUser | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name && uid !== "0") return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function makeUser(name: string): ServerUser | undefined {
  for (const [command, args] of [
    ["useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]],
    ["adduser", ["-S", "-D", "-H", name]],
  ] as const) {
    try {
      execFileSync(command, args, { stdio: "ignore" });
      log.info({ user: name }, "made a system user to run PostgreSQL, which does not run as root");
      return findUser(name);
    } catch (error) {
      log.debug({ command, error: errorMessage(error) }, "could not make a user");
    }
  }
  return undefined;
}
