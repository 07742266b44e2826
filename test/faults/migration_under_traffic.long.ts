/** A migration that adds to what people are just changing, as a release does: no request fails, before, during or after, of the old processes and the new ones. */
import { migrate } from "../../src/database/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { kill, until } from "../support/workers.ts";
import { type ApiProcess, startApi, startCrowd } from "./api_process.ts";
import { addCrowd } from "./crowd.ts";
import { addMigration, type MigrationsFolder } from "./migrations_folder.ts";

let migrations: MigrationsFolder;
let database: TestDatabase;
let apis: ApiProcess[] = [];

beforeAll(async () => {
  migrations = addMigration(`set local lock_timeout = '1s';
alter table journeys.clients add column nickname text not null default 'none';
alter table journeys.clients add constraint clients_nickname_check check (nickname ~ '\\S') not valid;
create index clients_tenant_id_nickname_idx on journeys.clients (tenant_id, nickname);
grant insert (nickname), update (nickname) on table journeys.clients to :EDITOR;
drop policy if exists select_viewer on journeys.clients;
create policy select_viewer on journeys.clients for select to :VIEWER using (true);
create function journeys.clients_nicknamed(client journeys.clients) returns text language sql stable return client.nickname;
`);
  database = await createTestDatabase();
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
  apis = [await startApi(database)];
});
afterAll(async () => {
  for (const api of apis) await kill(api);
  await database.drop();
  migrations.remove();
});

test("can be migrated under traffic: no request fails, of those who were there before and of those who come after", async () => {
  const tokens = await addCrowd(database, "harbour", "editor", 20);
  let turn = 0;
  const crowd = startCrowd(() => apis[turn++ % apis.length]?.url ?? "", tokens);
  const untilMore = async (count: number) => {
    const before = crowd.made.length;
    await until(async () => crowd.made.length >= before + count, apis[0]);
  };
  await untilMore(100);
  const { urls, rolePrefix, secretKey } = database;
  const during = crowd.made.length;
  await migrate({ adminUrl: urls.admin, rolePrefix, secretKey, folder: migrations.folder });
  expect(crowd.made.length).toBeGreaterThan(during);
  apis.push(await startApi(database));
  await untilMore(200);
  await crowd.stop();
  expect([[...crowd.codes], crowd.unheard()]).toEqual([[], 0]);
  expect(await database.query("select from journeys.clients where nickname = 'none'")).toHaveLength(crowd.made.length);
});
