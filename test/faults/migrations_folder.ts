/** The project's migrations and one more, in a folder of its own. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectDir } from "../../src/config.ts";

const { calculateHash } = createRequire(import.meta.url)("graphile-migrate/dist/hash.js") as {
  calculateHash(body: string, previous: string | undefined): string;
};

export interface MigrationsFolder {
  folder: string;
  remove(): void;
}

/** Copies the migrations and adds the next one. */
export function addMigration(body: string): MigrationsFolder {
  const folder = mkdtempSync(join(tmpdir(), "landfall-migrations-"));
  for (const part of ["hooks", "committed"]) {
    cpSync(join(projectDir, "migrations", part), join(folder, part), { recursive: true });
  }
  const committed = join(folder, "committed");
  const last = readdirSync(committed).sort().at(-1) ?? "";
  const [, previous] = /^--! Hash: (\S+)/m.exec(readFileSync(join(committed, last), "utf8")) ?? [];
  const number = String(Number.parseInt(last, 10) + 1).padStart(6, "0");
  writeFileSync(
    join(committed, `${number}-add-one-more.sql`),
    `--! Previous: ${previous}\n--! Hash: ${calculateHash(body, previous)}\n--! Message: add one more\n\n${body}`,
  );
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
