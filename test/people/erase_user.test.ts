/** Somebody who signed in leaves: their deeds stay under an id that is nobody's any more. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { FileStore } from "../../src/imports/files/file_store.ts";
import { openFolderStore } from "../../src/imports/files/folder_store.ts";
import { erasePerson } from "../../src/people/erase_person.ts";
import { exportPerson } from "../../src/people/export_person.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "../api/api.ts";

const email = "zzcanary@harbour.test";

let api: TestApi;
let owner: pg.Client;
let folder: string;
let files: FileStore;
let tenantId: string;
let userId: string;
let token: string;

beforeAll(async () => {
  api = await startTestApi();
  userId = await api.addPerson("harbour", email, "editor");
  await api.database.query("update tenancy.users set name = 'Zoe Zzcanary' where id = $1", [userId]);
  const [tenant] = await api.database.query<{ id: string }>("select id from tenancy.tenants where slug = 'harbour'");
  tenantId = tenant?.id ?? "";
  token = await api.signIn(email);
  await api.ask(
    'mutation { createClient(input: { client: { name: "Rosewood", slug: "rosewood" } }) { client { id } } }',
    {},
    token,
  );
  await api.ask(`mutation { requestPasswordReset(input: { email: "${email}" }) { isRequested } }`);
  await api.ask(`mutation { signIn(input: { email: "${email}", password: "wrong" }) { token } }`);
  await api.database.query(
    "update tenancy.sessions set user_agent = 'zzcanary browser', ip_address = '192.0.2.77' where user_id = $1",
    [userId],
  );
  await api.database.query(
    `update tenancy.sessions set user_agent = 'another', ip_address = '192.0.2.78' where user_id = $1`,
    [userId],
  );
  folder = await mkdtemp(join(tmpdir(), "landfall-person-"));
  files = openFolderStore(join(folder, "files"));
  owner = new pg.Client({ connectionString: api.database.urls.owner });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await rm(folder, { recursive: true, force: true });
  await api.close();
});

const request = (who = email) => ({
  client: owner,
  tenantId,
  subject: { kind: "user", email: who } as const,
  admin: "admin@harbour.test",
  files,
});

/** Tables in which their name, address or where they signed in from is. */
async function search(): Promise<string[]> {
  const tables = await api.database.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await api.database.query(
      `select from ${name} t where t::text ~* 'zzcanary|192\\.0\\.2\\.7[78]' limit 1`,
    );
    if (rows.length > 0) found.push(name.replace(/changes_\w+/, "changes"));
  }
  return found.sort();
}

const hashOfAddress = () =>
  api.database.query("select from app_private.sign_in_failures where email_hash = app_private.email_hash($1)", [email]);

test("a user can be exported: who they are, where they signed in, what was mailed to them, and what they did", async () => {
  const out = join(folder, "export");
  const { tables } = await exportPerson({ ...request(), tenant: { id: tenantId, slug: "harbour" }, out });
  expect(tables.map(({ table }) => table)).toEqual(
    expect.arrayContaining([
      "tenancy.users",
      "tenancy.memberships",
      "tenancy.sessions",
      "audit.changes",
      "app_private.mails",
    ]),
  );
  const mails = await readFile(join(out, "rows", "app_private.mails.ndjson"), "utf8");
  expect(mails).not.toContain("sealed_body");
});

test("a user of another tenant, an operator, and somebody unknown cannot be erased: LF469, LF468", async () => {
  await expect(erasePerson(request("nobody@harbour.test"), true)).rejects.toMatchObject({ code: "LF468" });
  await expect(erasePerson(request("admin@meadow.test"), true)).rejects.toMatchObject({ code: "LF468" });
  await api.addPerson("meadow", "viewer@harbour.test", "viewer");
  await expect(erasePerson(request("viewer@harbour.test"), true)).rejects.toMatchObject({ code: "LF469" });
  await api.database.query(
    "insert into tenancy.operators (user_id) select id from tenancy.users where email = 'client@harbour.test'",
  );
  await expect(erasePerson(request("client@harbour.test"), true)).rejects.toMatchObject({ code: "LF469" });
});

test("a rehearsal changes nothing", async () => {
  const before = await search();
  expect(before).toEqual(expect.arrayContaining(["tenancy.users", "audit.changes", "app_private.mails"]));
  expect((await erasePerson(request(), false)).erased).toMatchObject({ sessions: 1, mails: 1 });
  expect(await search()).toEqual(before);
});

test("a user can be erased: they are out at once, nothing says who they were, and their deeds stay", async () => {
  expect(await hashOfAddress()).toHaveLength(1);
  const { mentions } = await erasePerson(request(), true);
  expect(mentions).toEqual([]);
  expect(await search()).toEqual([]);
  expect(await hashOfAddress()).toEqual([]);
  expect(codeOf(await api.ask("{ currentUser { role } }", {}, token))).toBe("LF046");
  const again = await api.ask(`mutation { signIn(input: { email: "${email}", password: "${PASSWORD}" }) { token } }`);
  expect(codeOf(again)).toBe("LF040");
  const deeds = await api.database.query(
    `select c.table_name, u.name from audit.changes c join tenancy.users u on u.id = c.user_id
     where c.user_id = $1 and c.table_name = 'journeys.clients'`,
    [userId],
  );
  expect(deeds).toEqual([{ table_name: "journeys.clients", name: "Erased person" }]);
  const [deed] = await api.database.query("select details from audit.operator_deeds where deed = 'person_erased'");
  expect(deed?.details).toMatchObject({ kind: "user", id: userId, sessions: 1, mails: 1 });
});
