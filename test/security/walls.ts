/** The two walls between tenants: each must hold without the other. */
import type { TestDatabase } from "../support/database.ts";
import type { Actor, World } from "./actors.ts";

/** Everybody whose claim holds, and one of each role whose claim does not; the owner stands outside. */
export function wallActors({ actors }: World): Actor[] {
  const within = actors.filter(({ word }) => word !== "owner");
  const unheld = within.filter(({ isConfirmed }) => !isConfirmed);
  const words = new Map(unheld.map((actor) => [actor.word, actor]));
  return [...within.filter(({ isConfirmed }) => isConfirmed), ...words.values()];
}

/** Statements that take away every restrictive policy, and leave what the permissive ones say. */
export function withoutRestrictive(database: TestDatabase): Promise<string> {
  return statements(
    database,
    "select format('drop policy %I on %s', p.polname, p.polrelid::regclass) as sql from pg_policy p where not p.polpermissive",
  );
}

/** Statements that open every permissive policy where a restrictive one stands, the owner's aside. */
export function withOpenPermissive(database: TestDatabase): Promise<string> {
  return statements(
    database,
    `select concat_ws(' ', format('alter policy %I on %s', p.polname, p.polrelid::regclass),
       case when p.polqual is not null then 'using (true)' end, case when p.polwithcheck is not null then 'with check (true)' end) as sql
     from pg_policy p
     where p.polpermissive and p.polname !~ '_owner$'
       and exists (select from pg_policy r where r.polrelid = p.polrelid and not r.polpermissive)`,
  );
}

async function statements(database: TestDatabase, sql: string): Promise<string> {
  const rows = await database.query<{ sql: string }>(sql);
  if (rows.length === 0) throw new Error("There is no policy to change.");
  return rows.map((row) => row.sql).join("; ");
}
