/** One connection of the administrator's that plays everybody: what is tried leaves no trace, and hundreds of attempts take one round trip. */
import pg from "pg";
import type { Actor, World } from "./actors.ts";
import { isRow, type Probe } from "./probes.ts";

/** Made once in the database of the test; whoever plays may call it. */
const attempts = `
  create schema if not exists probing;
  grant usage on schema probing to public;
  -- How many rows each statement reaches, or the code of what refuses it; each is undone.
  create or replace function probing.try(statements text[]) returns text[] language plpgsql as $$
    declare
      statement text;
      reached bigint;
      outcomes text[] := '{}';
    begin
      foreach statement in array statements loop
        begin
          execute statement;
          get diagnostics reached = row_count;
          raise exception using errcode = 'TRIED', message = reached::text;
        exception when others then
          outcomes := outcomes || case sqlstate when 'TRIED' then sqlerrm else sqlstate end;
        end;
      end loop;
      return outcomes;
    end
  $$;
  -- Brings rows into a state that the rules would not lead to; whoever calls it.
  create or replace function probing.bring(statement text) returns void language plpgsql security definer as $$
    begin
      perform set_config('session_replication_role', 'replica', true);
      execute statement;
      perform set_config('session_replication_role', 'origin', true);
    end
  $$;
  -- What each statement tells, after what brings rows into its state; done or undone. At the end the tables in which a row of the other
  -- tenant is another, once the last statement has brought the states back.
  create or replace function probing.deeds(states text[], statements text[], is_undone boolean) returns text[] language plpgsql as $$
    declare
      told text[] := '{}';
    begin
      for place in 1 .. cardinality(statements) loop
        if states[place] is not null then
          perform probing.bring(states[place]);
        end if;
        told := told || coalesce(probing.tell(statements[place], is_undone), '');
      end loop;
      return told || case when is_undone then '' else coalesce(probing.harm(), '') end;
    end
  $$;
  -- What a person would read of the refusal, or the rows as text.
  create or replace function probing.tell(statement text, is_undone boolean default true) returns text language plpgsql as $$
    declare
      detail text;
      hint text;
      rows text;
    begin
      begin
        if statement ~* '^(select|table|with)' then
          execute 'select string_agg(t::text, E''\\n'') from (' || statement || ') t' into rows;
        else
          execute statement;
        end if;
        if is_undone then
          raise exception using errcode = 'TRIED', message = coalesce(rows, '');
        end if;
        return rows;
      exception when others then
        get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
        return case sqlstate when 'TRIED' then sqlerrm else concat_ws(' | ', sqlstate, sqlerrm, nullif(detail, ''), nullif(hint, '')) end;
      end;
    end
  $$;`;

export interface Stage {
  client: pg.Client;
  /** The probes that did not come out right, in words. */
  play(actor: Actor, probes: readonly Probe[]): Promise<string[]>;
  /** Runs one statement as somebody and gives its one value. */
  as<T>(actor: Actor, expression: string): Promise<T>;
  /** Does something, looks, and undoes it. */
  undone<T>(sql: string, look: () => Promise<T>): Promise<T>;
  /** Remembers what the other tenant's rows are, so that `probing.deeds` can tell which are others afterwards. */
  guard(world: World): Promise<void>;
  close(): Promise<void>;
}

export async function openStage({ database }: World): Promise<Stage> {
  await database.query(attempts);
  const client = new pg.Client({ connectionString: database.urls.admin });
  await client.connect();
  await client.query("begin");

  async function as<T>(actor: Actor, expression: string): Promise<T> {
    const settings = Object.entries(actor.settings).map(
      ([name, value]) => `set_config(${pg.escapeLiteral(name)}, ${pg.escapeLiteral(value)}, true)`,
    );
    const results = (await client.query(
      [
        "savepoint playing",
        ...(actor.login === null ? [] : [`set local session authorization ${pg.escapeIdentifier(actor.login)}`]),
        `select ${[...settings, "true"].join(", ")}`,
        `select ${expression} as value`,
        "rollback to savepoint playing; release savepoint playing",
      ].join("; "),
    )) as unknown as pg.QueryResult[];
    return results.at(-3)?.rows[0].value as T;
  }

  const list = (statements: string[]) =>
    `array[${statements.map((text) => pg.escapeLiteral(text)).join(", ")}]::text[]`;

  return {
    client,
    as,
    async play(actor, probes) {
      const outcomes = await as<string[]>(actor, `probing.try(${list(probes.map(({ sql }) => sql))})`);
      const wrong: string[] = [];
      if (outcomes === undefined) throw new Error(`${actor.name} cannot try anything.`);
      for (const [place, { what, sql, right, sameAs }] of probes.entries()) {
        const outcome = outcomes[place] as string;
        if (actor.isSuspended && outcome === "LF048") continue;
        if (!right.test(outcome)) {
          wrong.push(`${actor.name}, ${what}: ${outcome} instead of ${right.source}\n    ${sql.slice(0, 400)}`);
        } else if (sameAs !== undefined) {
          const [told, same] = await Promise.all(
            [sql, sameAs].map((text) => as<string>(actor, `probing.tell(${pg.escapeLiteral(text)})`)),
          );
          if (withoutIds(told) !== withoutIds(same))
            wrong.push(`${actor.name}, ${what}: told "${told}", and of one that is not there "${same}"`);
        }
      }
      return wrong;
    },
    async guard({ tables, theirs }) {
      const hashes = tables.flatMap((table) => {
        const rows = theirs.rows.get(table.name) ?? [];
        if (table.class === "partition" || table.class === "reference" || rows.length === 0) return [];
        const isTheirs = table.columns.some(({ name }) => name === "tenant_id")
          ? `t.tenant_id = '${theirs.id}'`
          : rows.map((row) => `(${isRow(table, row)})`).join(" or ");
        return [
          `select '${table.name}' as name, coalesce(string_agg(t::text, '|' order by t::text), '') as rows from ${table.name} t where ${isTheirs}`,
        ];
      });
      const jobs = `select 'a job' as name, count(*)::text as rows from graphile_worker._private_jobs t where t.payload::text ~ '${theirs.id}'`;
      await client.query(`
        create table probing.before as ${[...hashes, jobs].join(" union all ")};
        create function probing.harm() returns text language plpgsql security definer as $$
          begin
            -- Planned once: there are as many queries in it as there are tables.
            return (
              select string_agg(b.name, ', ') from probing.before b join (${[...hashes, jobs].join(" union all ")}) a using (name)
              where a.rows is distinct from b.rows
            );
          end
        $$`);
    },
    async undone(sql, look) {
      try {
        await client.query(`savepoint undone; ${sql}`);
        return await look();
      } finally {
        await client.query("rollback to savepoint undone; release savepoint undone");
      }
    },
    async close() {
      await client.query("rollback");
      await client.end();
    },
  };
}

/** What is told, whichever row it is told of. */
export const withoutIds = (text = "") => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "…");
