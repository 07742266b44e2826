/** What a tenant has, table by table, read off the catalog: a table that is added next year is in by itself. */
import type pg from "pg";

/** A column, and how it is written: numbers that JSON holds exactly, booleans and JSON as they are, everything else as PostgreSQL's text. */
export interface HeldColumn {
  name: string;
  type: string;
  isSecret: boolean;
}

export interface Holding {
  /** Schema and name. */
  table: string;
  /** What its comment says it is for: tenant, global or private. */
  class: string;
  /** Which rows are the tenant's; $1 is the tenant's id. */
  condition: string;
  columns: HeldColumn[];
  /** Columns of the primary key. */
  key: string[];
  /** Tables that its foreign keys lead to, itself among them where they do. */
  references: string[];
}

/**
 * Every table that holds rows of tenants, as the owner: parents before those that refer to them.
 *
 * @param client connected as the owner of the tables
 */
export async function readHoldings(client: pg.ClientBase): Promise<Holding[]> {
  const { rows } = await client.query<Holding>(`
    with tables as (
      select c.oid, n.nspname || '.' || c.relname as name, substring(obj_description(c.oid, 'pg_class') from '@class ([a-z]+)') as class
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition and n.nspowner = current_user::regrole and n.nspname !~ '^(graphile_|pg_)'
    ), conditions as (
      select t.oid, t.name, t.class,
        case
          when t.name = 'tenancy.users' then ${people}
          when h.table_name is not null then h.condition
          when exists (select from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attname = 'tenant_id' and not a.attisdropped) then 'tenant_id = $1'
        end as condition
      from tables t
      left join app_private.tenant_holdings() h on h.table_name = t.name
    )
    select
      t.name as table, t.class, t.condition,
      (
        select json_agg(json_build_object(
          'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
          'isSecret', exists (select from app_private.secret_columns() s where s.table_name = t.name and s.column_name = a.attname)
        ) order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
      ) as columns,
      coalesce((
        select json_agg(a.attname order by k.place)
        from pg_catalog.pg_constraint p
        cross join lateral unnest(p.conkey) with ordinality k (number, place)
        join pg_catalog.pg_attribute a on a.attrelid = p.conrelid and a.attnum = k.number
        where p.conrelid = t.oid and p.contype = 'p'
      ), '[]') as key,
      coalesce((
        select json_agg(distinct r.name)
        from pg_catalog.pg_constraint f join tables r on r.oid = f.confrelid
        where f.conrelid = t.oid and f.contype = 'f'
      ), '[]') as references
    from conditions t
    where t.condition is not null
    order by t.name`);
  return parentsFirst(rows);
}

/** The people whom any row of the tenant names. */
const people = `(
  select 'id in (' || string_agg(format('select r.%I from %s r where r.tenant_id = $1', a.attname, k.conrelid::regclass), ' union ') || ')'
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  join tables named on named.oid = k.conrelid and named.class = 'tenant'
  where k.contype = 'f' and k.confrelid = t.oid
)`;

function parentsFirst(holdings: Holding[]): Holding[] {
  const ordered: Holding[] = [];
  let left = holdings;
  while (left.length > 0) {
    const waiting = new Set(left.map(({ table }) => table));
    const ready = left.filter(({ table, references }) =>
      references.every((name) => name === table || !waiting.has(name)),
    );
    if (ready.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...waiting].join(", ")}`);
    ordered.push(...ready);
    left = left.filter((holding) => !ready.includes(holding));
  }
  return ordered;
}

/** How many rows the tenant has in each of the tables, those without any left out. */
export async function countHoldings(
  client: pg.ClientBase,
  holdings: readonly Holding[],
  tenantId: string,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { table, condition } of holdings) {
    const { rows } = await client.query<{ count: string }>(`select count(*) from ${table} where ${condition}`, [
      tenantId,
    ]);
    const count = Number(rows[0]?.count);
    if (count > 0) counts[table] = count;
  }
  return counts;
}
