import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import { openFolderStore } from "../../src/imports/files/file_store.ts";
import { startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let filesDir: string;
let id: string;
const bytes = Buffer.from("<script>alert(1)</script>");

beforeAll(async () => {
  filesDir = await mkdtemp(join(tmpdir(), "landfall-files-"));
  api = await startTestApi({ change: () => ({ filesDir }) });
  const { sha256 } = await openFolderStore(filesDir).put(
    (async function* () {
      yield bytes;
    })(),
    () => undefined,
  );
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  const pool = createPool(api.database.urls.worker, { applicationName: "landfall tests", max: 1 });
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId: tenant?.id as string }, (client) =>
    client.query<{ id: string }>(
      `with source as (insert into imports.sources (mapping, key) values ('bloom', 'x') returning *),
       batch as (
         insert into imports.batches (source_id, status, location, mapping_hash) select id, 'planned', 'x', '' from source returning *
       ),
       collection as (
         insert into imports.collections (batch_id, name, source_name, place) select id, 'C', 'C', 0 from batch returning *
       )
       insert into imports.attachments (batch_id, collection_id, row_id, record_id, field, file_id, file_name, media_type, byte_size, sha256)
       select batch_id, id, id, 'rec', 'Files', 'att', '../../page "1" ä.html', 'text/html', $2, $1 from collection
       returning id`,
      [sha256, bytes.length],
    ),
  );
  await pool.end();
  id = rows[0]?.id as string;
});

afterAll(async () => {
  await api.close();
  await rm(filesDir, { recursive: true, force: true });
});

const get = (path: string, token?: string) =>
  fetch(`${api.url}/attachments/${path}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });

test("can be fetched by whoever may see its row, as bytes to be saved", async () => {
  const answer = await get(id, await api.signIn("viewer@harbour.test"));
  expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, bytes]);
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("content-disposition")).toMatch(/^attachment; filename="page /);
  expect(answer.headers.get("content-disposition")).not.toContain("..");
});

test("cannot be fetched by visitors, client people, another tenant, nor under another name: LF909", async () => {
  for (const email of [undefined, "client@harbour.test", "admin@meadow.test"]) {
    const token = email === undefined ? undefined : await api.signIn(email);
    expect([email, (await get(id, token)).status]).toEqual([email, 404]);
  }
  const viewer = await api.signIn("viewer@harbour.test");
  for (const path of ["..%2F..%2Fetc%2Fpasswd", "x", "00000000-0000-4000-8000-000000000000"]) {
    expect([path, (await get(path, viewer)).status]).toEqual([path, 404]);
  }
});
