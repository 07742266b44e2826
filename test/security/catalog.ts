/** What the catalog says of tables: enough to make rows for them and to know what may be tried on them. */
import type { TestDatabase } from "../support/database.ts";

export interface Column {
  name: string;
  type: string;
  isNullable: boolean;
  /** The expression that stands for it where a statement does not name it. */
  byDefault: string | null;
  /** The values of its enum, in order; empty where it has another type. */
  labels: string[];
}

export interface Reference {
  columns: string[];
  target: string;
  targetColumns: string[];
}

export interface Check {
  columns: string[];
  expression: string;
}

export interface Table {
  name: string;
  oid: string;
  /** As its comment declares; `queue` for the tables of graphile-worker, `partition` for the parts of a table. */
  class: string;
  key: string[];
  /** Those that a statement may name: neither generated nor counted by the server. */
  columns: Column[];
  references: Reference[];
  checks: Check[];
  uniqueKeys: string[][];
  /** The column that a state machine holds, and the states in which a row may be born, with who may bear it. */
  birth: { column: string; states: Record<string, string[]> } | null;
  /** Column to the values that a policy compares it with. */
  comparedWith: Record<string, string[]>;
}

/** References that no constraint writes: COPY lands these rows before what they belong to is complete. */
const unwrittenReferences: Record<string, Reference> = {
  "app_private.import_payloads": reference("imports.records", "batch_id", "collection_id", "row_id"),
  "app_private.import_fates": reference("imports.records", "batch_id", "collection_id"),
  "app_private.import_places": reference("imports.records", "batch_id", "collection_id", "row_id"),
  "app_private.import_before_images": reference("imports.effects", "batch_id", "row_id", "table_name"),
};

function reference(target: string, ...columns: string[]): Reference {
  return { target, columns, targetColumns: columns };
}

/**
 * Every table that belongs to Landfall, parents before children. What comes in lists comes as the migrations made it: which rows are made
 * hangs on the order, and the server gives what is not ordered as its plan of the day finds it.
 */
export async function readTables(database: Pick<TestDatabase, "query" | "rolePrefix">): Promise<Table[]> {
  const found = await database.query<Omit<Table, "comparedWith"> & { policies: string }>(`
    select
      t.oid::regclass::text as name, t.oid::text,
      case
        when t.relispartition then 'partition'
        when n.nspname = 'graphile_worker' then 'queue'
        else coalesce(substring(obj_description(t.oid, 'pg_class') from '@class ([a-z]+)'), 'undeclared')
      end as class,
      (
        select coalesce(json_agg(a.attname order by k.place), '[]')
        from pg_constraint c, unnest(c.conkey) with ordinality k (number, place), pg_attribute a
        where c.conrelid = t.oid and c.contype = 'p' and a.attrelid = t.oid and a.attnum = k.number
      ) as key,
      (
        select json_agg(json_build_object(
          'name', a.attname, 'type', format_type(a.atttypid, null), 'isNullable', not a.attnotnull, 'byDefault', pg_get_expr(d.adbin, d.adrelid),
          'labels', (select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]') from pg_enum e where e.enumtypid = a.atttypid)
        ) order by a.attnum)
        from pg_attribute a
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
      ) as columns,
      (
        select coalesce(json_agg(json_build_object(
          'target', k.confrelid::regclass::text,
          'columns', (select json_agg(a.attname order by c.place) from unnest(k.conkey) with ordinality c (number, place)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = c.number),
          'targetColumns', (select json_agg(a.attname order by c.place) from unnest(k.confkey) with ordinality c (number, place)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = c.number)
        ) order by cardinality(k.conkey) desc, k.conname), '[]')
        from pg_constraint k where k.conrelid = t.oid and k.contype = 'f'
      ) as references,
      (
        select coalesce(json_agg(json_build_object(
          'expression', pg_get_expr(k.conbin, k.conrelid),
          'columns', (select json_agg(a.attname order by c.place) from unnest(k.conkey) with ordinality c (number, place)
            join pg_attribute a on a.attrelid = t.oid and a.attnum = c.number)
        ) order by k.oid), '[]')
        from pg_constraint k where k.conrelid = t.oid and k.contype = 'c'
      ) as checks,
      (
        select coalesce(json_agg(u.columns order by u.index), '[]') from (
          select i.indexrelid as index,
            (select json_agg(a.attname order by k.place) from unnest(i.indkey::smallint[]) with ordinality k (number, place)
              join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number) as columns
          from pg_index i where i.indrelid = t.oid and i.indisunique and not i.indisprimary and i.indpred is null
        ) u
      ) as "uniqueKeys",
      (
        select json_build_object('column', b.words[2], 'states', (
          select json_object_agg(s.to_state, s.roles order by s.to_state) from app.transitions s where s.machine = b.words[1] and s.from_state is null
        ))
        from pg_trigger g
        cross join lateral regexp_match(pg_get_triggerdef(g.oid), 'tg__check_transition\\(''(\\w+)'', ''(\\w+)''') b (words)
        where g.tgrelid = t.oid and g.tgname = '_300_check_birth'
      ) as birth,
      (
        select coalesce(string_agg(concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), ' ' order by p.oid), '')
        from pg_policy p where p.polrelid = t.oid
      ) as policies
    from pg_class t
    join pg_namespace n on n.oid = t.relnamespace
    where t.relkind in ('r', 'p')
      and (
        (n.nspowner = '${database.rolePrefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)')
        or (n.nspname = 'graphile_worker' and t.relname ~ '^_private')
      )
    order by 1`);
  return parentsFirst(
    found.map(({ policies, ...table }) => {
      const unwritten = unwrittenReferences[table.name];
      const references = unwritten ? [unwritten, ...table.references] : table.references;
      return { ...table, references, comparedWith: comparisons(policies) };
    }),
  );
}

/** `status <> 'draft'::text` compares status with draft. */
function comparisons(policies: string): Record<string, string[]> {
  const compared: Record<string, string[]> = {};
  for (const [, column = "", value = ""] of policies.matchAll(/\b(\w+) (?:=|<>) '([^']*)'::/g)) {
    compared[column] = [...new Set([...(compared[column] ?? []), value])];
  }
  return compared;
}

/** A circle is cut where a reference may be empty. */
function parentsFirst(tables: Table[]): Table[] {
  const ordered: Table[] = [];
  let left = tables;
  const optional = ({ columns }: Table, reference: Reference) =>
    reference.columns.some((name) => columns.find((column) => column.name === name)?.isNullable);
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const isReady = (table: Table, mayWait: boolean) =>
      table.references.every(
        (reference) =>
          reference.target === table.name || !waiting.has(reference.target) || (mayWait && optional(table, reference)),
      );
    const strict = left.filter((table) => isReady(table, false));
    const ready = strict.length > 0 ? strict : left.filter((table) => isReady(table, true)).slice(0, 1);
    if (ready.length === 0) throw new Error(`Tables refer to each other in a circle: ${[...waiting].join(", ")}`);
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}
