/** Errors to plant in an imported base, made from the catalog: every column of every table, by every kind that its type can suffer. */
import type { Importing } from "./importing.ts";

export interface PlantedError {
  /** What kind of error it is: `truncated text`. */
  kind: string;
  /** Where: `journeys.journeys.goal`. */
  place: string;
  /** The table that is changed, to be put back afterwards. */
  table: string;
  /** Plants it; changes no row where there is nothing that could suffer it. */
  sql: string;
}

interface Column {
  table: string;
  name: string;
  type: string;
  /** An enum, a base type. */
  kind: "e" | "b";
  isLink: boolean;
}

/** Machine-made on every write: nothing of the source's is in it, and nobody is misled by another value. */
const unproved = ["tenant_id", "updated_at"];

/** What each type can suffer: kind → the new value out of `old`, where `old` is the column. */
function damages({ table, name, type, kind, isLink }: Column): Record<string, string> {
  if (kind === "e")
    return {
      "wrong enum": `(enum_range(null::${type}))[1 + array_position(enum_range(null::${type}), old) % array_length(enum_range(null::${type}), 1)]`,
      "lost enum": "null",
    };
  if (isLink) {
    return {
      "swapped link": `(select other.${name} from ${table} other where other.${name} <> old order by other.id limit 1)`,
      "lost link": "null",
    };
  }
  switch (type) {
    case "text":
      return {
        "truncated text": "left(old, -1)",
        "changed text": "overlay(old placing 'Ω' from 1 for 1)",
        "appended text": "old || ' '",
        "changed case": "case when upper(old) <> old then upper(old) else lower(old) end",
        "lost text": "null",
        "emptied text": "''",
      };
    case "integer":
    case "bigint":
      return {
        "changed number": "old + 1",
        "number became nothing": "null",
        "number became zero": "0",
        "negated number": "-old",
      };
    case "numeric":
      return { "rounded number": "round(old)", "changed number": "old + 0.001", "number became nothing": "null" };
    case "boolean":
      return { "flipped boolean": "not old" };
    case "timestamp with time zone":
      return {
        "shifted day": "old + interval '1 day'",
        "shifted zone": "old - interval '1 hour'",
        "lost fraction": "date_trunc('second', old)",
        "changed millisecond": "old + interval '1 millisecond'",
        "became now": "now()",
        "lost time": "null",
      };
    case "jsonb":
      return {
        "lost member":
          "case jsonb_typeof(old) when 'object' then old - (select min(key) from jsonb_object_keys(old) key) when 'array' then old - 0 end",
        "changed member":
          "case when old <> '{}' and jsonb_typeof(old) = 'object' then jsonb_set(old, array[(select min(key) from jsonb_object_keys(old) key)], '\"else\"') end",
        "added member": "case jsonb_typeof(old) when 'object' then old || '{\"else\": 1}' else old || '[\"else\"]' end",
        "lost tag":
          "case when jsonb_typeof(old -> 'tags') = 'array' then jsonb_set(old, '{tags}', (old -> 'tags') - 0) end",
        "changed order of a list":
          "case when jsonb_typeof(old) = 'array' then (select jsonb_agg(value order by place desc) from jsonb_array_elements(old) with ordinality as list (value, place)) end",
        "number became text":
          "(select jsonb_object_agg(key, case jsonb_typeof(value) when 'number' then to_jsonb(value::text) else value end) from jsonb_each(case jsonb_typeof(old) when 'object' then old end))",
        "truncated text in JSON":
          "(select jsonb_object_agg(key, case jsonb_typeof(value) when 'string' then to_jsonb(left(value #>> '{}', -1)) else value end) from jsonb_each(case jsonb_typeof(old) when 'object' then old end))",
      };
    case "uuid":
      return { "another id": "gen_random_uuid()" };
    case "bytea":
      return { "changed hash": "sha256(old)" };
    default:
      throw new Error(`No errors are known for ${type}`);
  }
}

/** Damage to one column of one row; which row is chosen by chance that is the same every time. */
function damage(column: Column, kind: string, value: string, condition = "true"): PlantedError {
  const { table, name, type } = column;
  const place = `${table}.${name}`;
  return {
    kind,
    place,
    table,
    sql: `
      with chosen as (
        select victim.ctid as victim, damaged.value
        from ${table} victim
        cross join lateral (select victim.${name} as old) cell
        cross join lateral (select (${value})::${type} as value) damaged
        where ${condition} and damaged.value is distinct from old and old is not null
        order by md5(victim::text || '${kind}${place}')
        limit 1
      )
      update ${table} set ${name} = chosen.value from chosen where ${table}.ctid = chosen.victim`,
  };
}

/** Damage to whole rows of a table. */
function rowDamages(table: string, columns: Column[]): PlantedError[] {
  const names = columns.map(({ name }) => name);
  const others = names.filter((name) => name !== "id");
  const victim = `(select id from ${table} order by md5(id::text || 'row') limit 1)`;
  const other = `(select id from ${table} order by md5(id::text || 'row') offset 1 limit 1)`;
  const error = (kind: string, sql: string): PlantedError => ({ kind, place: table, table, sql });
  return [
    error("lost row", `delete from ${table} where id = ${victim}`),
    error("another lost row", `delete from ${table} where id = ${other}`),
    error(
      "doubled row",
      `insert into ${table} (id, tenant_id, ${others.join(", ")})
       select gen_random_uuid(), tenant_id, ${others.join(", ")} from ${table} where id = ${victim}`,
    ),
    error(
      "two rows swapped",
      `update ${table} one set (${others.join(", ")}) = (
         select ${others.map((name) => `two.${name}`).join(", ")}
         from ${table} two where two.id = case one.id when ${victim} then ${other} else ${victim} end
       ) where one.id in (${victim}, ${other})`,
    ),
  ];
}

/** Damage to the ledger of the batch itself: what the proof rests on. */
function ledgerDamages(batchId: string): PlantedError[] {
  const ofBatch = `batch_id = '${batchId}'`;
  const one = (table: string, condition: string, kind: string) =>
    `(select ctid from ${table} where ${condition} order by md5(${table.split(".")[1]}::text || '${kind}') limit 1)`;
  const lost = (table: string, kind: string, condition = ofBatch): PlantedError => ({
    kind,
    place: table,
    table,
    sql: `delete from ${table} where ctid = ${one(table, condition, kind)}`,
  });
  const changed = (table: string, kind: string, assignment: string, condition = ofBatch): PlantedError => ({
    kind,
    place: `${table}.${assignment.split(" ")[0]}`,
    table,
    sql: `update ${table} set ${assignment} where ctid = ${one(table, condition, kind)}`,
  });
  const images = "app_private.import_before_images";
  const payloads = "app_private.import_payloads";
  const cameIn = `${ofBatch} and outcome in ('inserted', 'updated', 'unchanged')`;
  return [
    lost("imports.records", "lost outcome", cameIn),
    lost("imports.records", "lost outcome of a waiting record", `${ofBatch} and outcome = 'quarantined'`),
    changed("imports.records", "changed outcome", "outcome = 'unchanged'", `${ofBatch} and outcome = 'updated'`),
    changed("imports.records", "another outcome", "outcome = 'updated'", `${ofBatch} and outcome = 'unchanged'`),
    changed("imports.records", "row said to be skipped", "outcome = 'skipped', reason = 'wrong_type'", cameIn),
    changed("imports.records", "changed hash", "sha256 = sha256(sha256)"),
    changed(
      "imports.records",
      "changed hash of a row",
      "row_hash = sha256(row_hash)",
      `${ofBatch} and outcome = 'unchanged' and row_hash is not null`,
    ),
    changed("imports.records", "record said to be carried over", "is_carried = true", `${cameIn} and not is_carried`),
    changed("imports.records", "record said to be derived anew", "is_carried = false", `${cameIn} and is_carried`),
    changed("imports.records", "another id of a record", "record_id = record_id || 'x'", cameIn),
    lost("imports.effects", "lost effect"),
    changed("imports.effects", "changed effect", "effect = 'updated'", `${ofBatch} and effect = 'inserted'`),
    changed("imports.effects", "changed hash", "row_hash = sha256(row_hash)"),
    lost(images, "lost before-image"),
    changed(images, "changed before-image", "image = image || '{\"created_at\": null}'"),
    changed(images, "emptied before-image", "image = '{}'"),
    lost(payloads, "lost payload"),
    changed(payloads, "another pattern of fates", "fates_id = -1", `${ofBatch} and is_carried`),
    lost(
      "app_private.import_fates",
      "lost pattern of fates",
      `${ofBatch} and (collection_id, id) in (select collection_id, fates_id from app_private.import_payloads where ${ofBatch} and is_carried)`,
    ),
    changed(
      payloads,
      "changed source text",
      "source_text = overlay(source_text placing '\"Ω' from length(source_text) - 3 for 2)",
    ),
    changed(
      payloads,
      "changed record in the source text",
      "source_text = replace(source_text, 'a', 'b')",
      `${ofBatch} and position(':true' in source_text) = 0`,
    ),
    lost(
      "imports.issues",
      "lost issue of a cell",
      `${ofBatch} and fate = 'quarantined' and field is not null and row_id is not null`,
    ),
    lost("imports.issues", "lost issue of a record", `${ofBatch} and reason = 'parent_quarantined'`),
    changed(
      "imports.fields",
      "changed count of cells",
      "exact = exact + 1",
      `collection_id in (select id from imports.collections where ${ofBatch}) and exact > 0`,
    ),
    changed(
      "imports.fields",
      "lost count of waiting cells",
      "quarantined = 0, exact = exact + quarantined",
      `collection_id in (select id from imports.collections where ${ofBatch}) and quarantined > 0 and fate = 'mapped'`,
    ),
    changed("imports.collections", "changed sum", "inserted = inserted + 1, landed = landed + 1", ofBatch),
    changed(
      "imports.collections",
      "moved sum",
      "unchanged = unchanged - 1, updated = updated + 1",
      `${ofBatch} and unchanged > 0`,
    ),
  ];
}

/** All errors that can be planted in the tables that a batch brought in, in an order that mixes their kinds. */
export async function plantableErrors({ database }: Importing, batchId: string): Promise<PlantedError[]> {
  const tables = await database.query<{ table: string }>(
    "select table_name as table from imports.collections where batch_id = $1 and table_name is not null group by 1 order by 1",
    [batchId],
  );
  const errors: PlantedError[] = [];
  for (const { table } of tables) {
    const columns = await database.query<Column>(
      `select $1::text as table, attribute.attname as name, format_type(attribute.atttypid, null) as type,
              case type.typtype when 'e' then 'e' else 'b' end as kind,
              attribute.attname like '%\\_id' and type.typname = 'uuid' and attribute.attname <> 'tenant_id' as "isLink"
       from pg_attribute attribute
       join pg_type type on type.oid = attribute.atttypid
       where attribute.attrelid = $1::text::regclass and attribute.attnum > 0 and not attribute.attisdropped and attribute.attgenerated = ''
       order by attribute.attnum`,
      [table],
    );
    const proved = columns.filter(({ name }) => !unproved.includes(name));
    for (const column of proved) {
      for (const [kind, value] of Object.entries(damages(column))) {
        errors.push(damage(column, kind, value, victims(column, table, batchId)));
      }
      errors.push(...nothingBecameSomething(column));
    }
    errors.push(...rowDamages(table, proved));
  }
  return [...errors, ...ledgerDamages(batchId)];
}

/** A version counts updates; only of a row that is new is it known. */
function victims({ name }: Column, table: string, batchId: string): string {
  return name === "version" && table !== "journeys.touchpoint_versions"
    ? `exists (select from imports.effects effect where effect.batch_id = '${batchId}' and effect.row_id = victim.id and effect.effect = 'inserted')`
    : "true";
}

/** What the source does not give is filled with something. */
function nothingBecameSomething({ table, name, type, kind }: Column): PlantedError[] {
  const values: Record<string, string> = {
    text: "'else'",
    integer: "0",
    numeric: "0",
    "timestamp with time zone": "now()",
    jsonb: "'{}'",
    uuid: "gen_random_uuid()",
  };
  const value = kind === "e" ? `(enum_range(null::${type}))[1]` : values[type];
  if (value === undefined) return [];
  const errorKind = "nothing became something";
  return [
    {
      kind: errorKind,
      place: `${table}.${name}`,
      table,
      sql: `
        update ${table} set ${name} = ${value}
        where ctid = (select ctid from ${table} where ${name} is null order by md5(id::text || '${name}') limit 1)`,
    },
  ];
}
