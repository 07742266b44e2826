/**
 * A lock file that npm wrote on one platform may lack the optional packages of the others, and `npm ci` then refuses it there. This adds an entry
 * for each, which is all that npm asks for.
 *
 *   node scripts/complete_lock_file.ts            completes package-lock.json
 *   node scripts/complete_lock_file.ts --check    fails where something is missing
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectDir } from "../src/config.ts";

interface LockedPackage {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface LockFile {
  packages: Record<string, LockedPackage>;
}

/**
 * The optional packages that entries of the lock file name and the lock file lacks, by their path in node_modules.
 *
 * @param lock the parsed lock file
 */
export function missingPackages(lock: LockFile): Map<string, LockedPackage> {
  const missing = new Map<string, LockedPackage>();
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lock, path, name) || !/^\d/.test(version)) continue;
      missing.set(`node_modules/${name}`, {
        version,
        ...(entry.dev ? { dev: true } : {}),
        optional: true,
        ...platformOf(name),
      });
    }
  }
  return missing;
}

/** Node looks for a package in the folder of the one that names it, then in every folder above. */
function isLocked(lock: LockFile, path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules") - 1))) {
    const candidate = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (candidate in lock.packages) return true;
    if (folder === "") return false;
  }
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "openbsd", "sunos", "win32"];
const architectures = ["arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** Such packages carry their platform in their name: `@biomejs/cli-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const words = name.replace(/^.*\//, "").replace("windows", "win32").split(/[-.]/);
  const pick = (known: string[]) => known.filter((word) => words.includes(word));
  const [os, cpu] = [pick(systems), pick(architectures)];
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") && os.includes("linux") ? ["glibc"] : [];
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(libc.length > 0 ? { libc } : {}) };
}

if (import.meta.main) {
  const file = join(projectDir, "package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8")) as LockFile;
  const missing = missingPackages(lock);
  if (process.argv.includes("--check")) {
    for (const path of missing.keys()) process.stdout.write(`missing from package-lock.json: ${path}\n`);
    if (missing.size > 0) process.stdout.write("Run `node scripts/complete_lock_file.ts` and commit the lock file.\n");
    process.exitCode = missing.size === 0 ? 0 : 1;
  } else {
    const packages = Object.fromEntries(
      Object.entries({ ...lock.packages, ...Object.fromEntries(missing) }).sort(([a], [b]) =>
        a < b ? -1 : a > b ? 1 : 0,
      ),
    );
    writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
    process.stdout.write(`Added ${missing.size} packages of other platforms to package-lock.json.\n`);
  }
}
