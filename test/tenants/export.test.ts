/** What a tenant takes along: every row as it is, every file, and the names of the secrets that stay. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type ExportManifest, exportTenant } from "../../src/tenants/export_tenant.ts";
import { type Leaving, prepareLeaving } from "./leaving.ts";

let leaving: Leaving;
let manifest: ExportManifest & { folder: string };

beforeAll(async () => {
  leaving = await prepareLeaving();
  manifest = await take("whole");
});
afterAll(() => leaving.close());

async function take(name: string, change: Partial<Parameters<typeof exportTenant>[0]> = {}) {
  const { owner, ours, files, folder } = leaving;
  const tenant = { id: ours.id, slug: ours.slug, name: "Harbour" };
  return await exportTenant({ client: owner, tenant, out: join(folder, name), isPacked: false, files, ...change });
}

const linesOf = (path: string) => readFileSync(join(manifest.folder, path), "utf8").split("\n").filter(Boolean);

test("can be read back row by row into what the database has, the secrets apart", async () => {
  const { owner, ours, holdings } = leaving;
  expect(manifest.tables.map(({ table }) => table)).toEqual(holdings.map(({ table }) => table));
  await owner.query("set timezone = 'Asia/Kathmandu'; set datestyle = 'German'; set bytea_output = 'escape'");
  const differences: string[] = [];
  for (const { table, path, rows, columns } of manifest.tables) {
    const condition = holdings.find((holding) => holding.table === table)?.condition as string;
    const lines = linesOf(path);
    expect({ table, rows: lines.length }).toEqual({ table, rows });
    const values = columns.map(({ name, isSecret }) => (isSecret ? "null::text" : `t.${name}`)).join(", ");
    const text = (from: string) => `array(select row(${values})::text from ${from} t`;
    const { rows: compared } = await owner.query<{ is_same: boolean }>(
      `with back as (select (jsonb_populate_record(null::${table}, line)).* from jsonb_array_elements($2::jsonb) line)
       select ${text("back")} order by 1) = ${text(table)} where ${condition} order by 1) as is_same`,
      [ours.id, `[${lines.join(",")}]`],
    );
    if (!compared[0]?.is_same) differences.push(table);
  }
  expect(differences).toEqual([]);
  expect(manifest.tables.every(({ rows }) => rows > 0)).toBe(true);
});

test("can be held against its manifest: every file, every sum, closed to others", async () => {
  for (const { path, bytes, sha256 } of [...manifest.tables, ...manifest.files]) {
    const content = readFileSync(join(manifest.folder, path));
    expect({ path, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }).toEqual({
      path,
      bytes,
      sha256,
    });
    expect(statSync(join(manifest.folder, path)).mode & 0o077).toBe(0);
  }
  const written = JSON.parse(readFileSync(join(manifest.folder, "manifest.json"), "utf8"));
  const { folder: _, ...told } = manifest;
  expect(written).toEqual(told);
  expect(written).toMatchObject({
    format: "landfall-tenant/1",
    tenant: { slug: "harbour" },
    schemaVersion: expect.stringMatching(/^\d{6}$/),
  });
});

test("can bring the files along, and names those that are missing", async () => {
  const { ownFile, sharedFile, database, ours } = leaving;
  const paths = [ownFile, sharedFile].map((sha256) => `files/${sha256.toString("hex")}`);
  expect(manifest.files.map(({ path }) => path).sort()).toEqual(paths.sort());
  const rows = await database.query<{ sha256: Buffer }>(
    "select distinct sha256 from imports.attachments where tenant_id = $1 and sha256 is not null",
    [ours.id],
  );
  expect(manifest.missingFiles).toHaveLength(rows.length - 2);
});

test("cannot pass off a damaged file as whole, and names it", async () => {
  const { ownFile, sharedFile, damage } = leaving;
  await damage(ownFile, Buffer.from("ONLY OURS"));
  const damaged = await take("damaged");
  await damage(ownFile, Buffer.from("only ours"));
  expect(damaged.files.map(({ path }) => path)).toEqual([`files/${sharedFile.toString("hex")}`]);
  expect(damaged.missingFiles).toEqual([...manifest.missingFiles, ownFile.toString("hex")].sort());
  expect(await readdir(join(damaged.folder, "files"))).toEqual([sharedFile.toString("hex")]);
});

test("cannot hold a secret, and names each", async () => {
  const { database, ours } = leaving;
  expect(manifest.secrets).toContainEqual({
    table: "app_private.location_secrets",
    column: "token_ciphertext",
    rows: expect.any(Number),
  });
  const [secret] = await database.query<{ token_ciphertext: string }>(
    "select token_ciphertext from app_private.location_secrets where tenant_id = $1",
    [ours.id],
  );
  const everything = manifest.tables.map(({ path }) => linesOf(path).join("\n")).join("\n");
  expect(everything).not.toContain(secret?.token_ciphertext);
  expect(everything).not.toContain("derived_key_hash");
});

test("cannot hold anything of another tenant", async () => {
  const everything = manifest.tables.map(({ path }) => linesOf(path).join("\n")).join("\n");
  expect(everything).toContain("canary-harbour");
  expect(everything).not.toContain("canary-meadow");
  expect(everything).not.toContain(leaving.theirs.id);
});

test("can be taken again, byte for byte, and packed", async () => {
  const again = await take("again");
  expect(again.tables).toEqual(manifest.tables);
  const packed = await take("packed", { isPacked: true });
  for (const [place, { path }] of packed.tables.entries()) {
    const original = readFileSync(join(manifest.folder, manifest.tables[place]?.path as string));
    expect(gunzipSync(readFileSync(join(packed.folder, path))).equals(original)).toBe(true);
  }
});

test("cannot see what changes while it is written: all of it is of one moment", async () => {
  const { database, ours } = leaving;
  let isChanged: Promise<unknown> | undefined;
  const during = await take("during", {
    onProgress: () => {
      isChanged ??= database.query(
        "insert into tenancy.sql_logins (tenant_id, login_name, kind) values ($1, 'made_meanwhile', 'reporter')",
        [ours.id],
      );
    },
  });
  await isChanged;
  const [row] = await database.query("select from tenancy.sql_logins where login_name = 'made_meanwhile'");
  expect(row).toBeDefined();
  expect(during.tables.find(({ table }) => table === "tenancy.sql_logins")).toEqual(
    manifest.tables.find(({ table }) => table === "tenancy.sql_logins"),
  );
  await database.query("delete from tenancy.sql_logins where login_name = 'made_meanwhile'");
});

test("cannot overwrite anything: LF038; and leaves nothing behind where it fails: LF039", async () => {
  await expect(take("whole")).rejects.toMatchObject({ code: "LF038" });
  await expect(take("whole/manifest.json/below")).rejects.toMatchObject({ code: "LF039" });
  const broken = take("broken", {
    onProgress: () => {
      throw new Error("broken off");
    },
  });
  await expect(broken).rejects.toThrow("broken off");
  expect(existsSync(join(leaving.folder, "broken"))).toBe(false);
  expect((await readdir(leaving.folder)).filter((name) => name.includes("partial"))).toEqual([]);
});
