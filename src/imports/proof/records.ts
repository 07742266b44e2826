import { columnsOf, type MappedField, mappedFields } from "../mappings/mapping.ts";
import { afterMerges, type MergedRows } from "../pipeline/merges.ts";
import { rowHash } from "../pipeline/row_hash.ts";
import { join, raw, run, type Shape, type Sql, shapeOf, sql } from "../pipeline/sql.ts";
import { type Check, offendersShown, type Proving, quoted } from "./check.ts";
import { cellName, isOfSource, rereadRecords, withAccounts } from "./source_cells.ts";

/*
 * What is true of each record by itself: every field, every type's way back, every link, and that the ledger knows the row. One pass
 * over a collection; each record's text is read once.
 */

/** Something that must hold of a record and its row. */
interface Test {
  layer: Check["layer"];
  name: string;
  /** True where it holds, false where it does not, null where there is nothing to hold. */
  holds: Sql;
}

/** Checks every record of a collection that came in. */
export async function checkRecords(proving: Proving): Promise<Check[]> {
  const { client, batch, line } = proving;
  const shape = shapeOf(line.collection);
  const links = linksOf(proving);
  const tests = [
    ...(await ledgerTests(proving, shape)),
    ...fieldTests(proving),
    ...typeTests(proving),
    ...links.flatMap(({ tests: own }) => own),
  ];
  const effect = sql`
    left join imports.effects effect
      on effect.tenant_id = ${batch.tenantId} and effect.batch_id = ${batch.id} and effect.row_id = record.row_id
      and effect.table_name = ${shape.table}
    left join app_private.import_before_images image
      on image.batch_id = ${batch.id} and image.row_id = record.row_id and image.table_name = ${shape.table}`;
  const verdicts = join(
    tests.map(({ holds }, index) => sql`(${holds}) as ${raw(`test_${index}`)}`),
    ",\n",
  );
  const tested = sql`
    with ${withAccounts(batch, line)},
    tested as (
      select record.record_id, ${verdicts}
      ${rereadRecords(proving, join([effect, ...links.map(({ joins }) => joins)], "\n"))}
      -- Keeps each verdict from being reached once for every use that is made of it.
      offset 0
    )`;
  const counts = join(
    tests.map((_test, index) =>
      raw(`count(test_${index}) as all_${index}, count(*) filter (where test_${index}) as right_${index}`),
    ),
    ",\n",
  );
  const [found] = await run<Record<string, string>>(client, sql`${tested} select ${counts} from tested`);
  const checks: Check[] = [];
  for (const [index, { layer, name }] of tests.entries()) {
    const expected = Number(found?.[`all_${index}`]);
    const actual = Number(found?.[`right_${index}`]);
    const offenders =
      expected === actual
        ? []
        : await run<{ record_id: string }>(
            client,
            sql`${tested} select record_id from tested where ${raw(`test_${index}`)} is false limit ${offendersShown}`,
          );
    const offending = offenders.map(({ record_id }) => record_id);
    checks.push({ collectionId: line.id, layer, name, expected, actual, offending });
  }
  return checks;
}

/** The row's id, what the ledger says of it, and what no field gives. */
async function ledgerTests({ client, batch, line }: Proving, shape: Shape): Promise<Test[]> {
  const id = sql`app.uuidv5(${batch.sourceId}::uuid, ${`${line.collection.name}/`} || record.record_id)`;
  const untouched = await columnsThatNothingFills(client, shape);
  const tests: Test[] = [
    { layer: "fields", name: "id", holds: sql`row.id = ${id}` },
    {
      layer: "counts",
      name: "rows written and their effects",
      holds: sql`
        case when record.outcome in ('inserted', 'updated')
          then coalesce(effect.effect::text = record.outcome::text and effect.row_hash = ${rowHash(shape, "row")}, false)
          else effect.id is null or effect.effect = 'unlinked'
        end`,
    },
    {
      layer: "counts",
      name: "rows and the hashes of their outcomes",
      // Of a row that was written the effect has it.
      holds: sql`case when effect.id is null and record.row_hash is not null then record.row_hash = ${rowHash(shape, "row")} end`,
    },
  ];
  if (untouched.length > 0) {
    const holds = untouched.map(({ column, expression }) => {
      const isAsMade = `row.${column} is not distinct from (${expression})`;
      // Every update counts a version up; a replay may update what the batch inserted.
      return column === "version"
        ? `(record.outcome <> 'inserted' or image.row_id is not null or ${isAsMade})`
        : isAsMade;
    });
    tests.push({
      layer: "fields",
      name: `no field gives: ${untouched.map(({ column }) => column).join(", ")}`,
      holds: sql`
        case when not exists (select from touched where touched.row_id = record.row_id) then ${raw(holds.join(" and "))} end`,
    });
  }
  return tests;
}

/** Columns that neither a field nor a trigger fills: they hold what the table says, as far as that is the same every time, until people touch the row. */
export async function columnsThatNothingFills(
  client: Proving["client"],
  shape: Shape,
): Promise<{ column: string; expression: string }[]> {
  const filled = ["id", "tenant_id", "created_at", "updated_at", ...shape.columns];
  const { rows } = await client.query<{ column: string; expression: string }>(
    `select attribute.attname as column, coalesce(pg_get_expr(preset.adbin, preset.adrelid), 'null') as expression
     from pg_attribute attribute
     left join pg_attrdef preset on preset.adrelid = attribute.attrelid and preset.adnum = attribute.attnum
     where attribute.attrelid = $1::regclass and attribute.attnum > 0 and not attribute.attisdropped and attribute.attgenerated = ''
       and attribute.attname <> all ($2::text[])
     order by attribute.attnum`,
    [shape.table, filled],
  );
  return rows.filter(({ expression }) => !expression.includes("("));
}

/** Every column of every row against what its record says, by the codecs' SQL and not by their decoders. */
function fieldTests({ batch, line, merged }: Proving): Test[] {
  return columnsOf(line.collection).map(({ column, fields }) => ({
    layer: "fields",
    name: column,
    holds: sql`
      case when ${isOfSource([column])}
        then (${expectedColumn(line, fields, batch.sourceId, merged)}) is not distinct from row.${raw(column)}
      end`,
  }));
}

/** What a column should hold, out of the raw cells: the field that fills it whole, and the members that are laid over it. */
export function expectedColumn(
  line: Proving["line"],
  fields: [string, MappedField][],
  sourceId: string,
  merged: MergedRows,
): Sql {
  const isKept = ({ key, codec }: MappedField) => key !== null && codec.isKeptInJson === true;
  const valueSql = ([name, field]: [string, MappedField]): Sql => {
    const values = [name, ...field.orFrom].map((source) => {
      const cell = cellName(line, source);
      const value = raw(isKept(field) ? cell : field.codec.sql(cell, `'${sourceId}'::uuid`));
      return field.codec.linksTo === undefined ? value : afterMerges(value, merged);
    });
    return values.length === 1 ? (values[0] as Sql) : sql`coalesce(${join(values, ", ")})`;
  };
  const whole = fields.find(([, field]) => field.key === null);
  const members = fields.filter(([, field]) => field.key !== null);
  if (whole !== undefined && members.length === 0 && whole[1].codec.isSpread !== true) return valueSql(whole);
  const base = whole === undefined ? sql`'{}'::jsonb` : valueSql(whole);
  const filled = whole?.[1].codec.isSpread === true ? sql`coalesce(${base}, '{}')` : base;
  if (members.length === 0) return filled;
  // Most members of most records are empty: asking that first spares building objects only to find them empty.
  const overlay = members.map((member) => {
    const [, field] = member;
    const value = valueSql(member);
    const isEmpty =
      isKept(field) || field.codec.type !== "jsonb" ? sql`${value} is null` : sql`coalesce(${value}, 'null') = 'null'`;
    const given = sql`case when ${isEmpty} then '{}' else jsonb_build_object(${field.key}::text, ${value}) end`;
    return { isEmpty, given };
  });
  const areEmpty = overlay.map(({ isEmpty }) => isEmpty);
  const givens = overlay.map(({ given }) => given);
  return sql`case when ${join(areEmpty, " and ")} then ${filled} else coalesce(${filled}, '{}') || ${join(givens, " || ")} end`;
}

/** From the row back to the cell: dates, numbers, lists, JSON and enums say what the source said. */
function typeTests({ line }: Proving): Test[] {
  return columnsOf(line.collection).flatMap(({ column, fields }) =>
    fields.flatMap(([name, field]): Test[] => {
      const { codec, key } = field;
      if (codec.readsBack === undefined) return [];
      const cell = cellName(line, name);
      const value = key === null ? `row.${column}` : `(row.${column} -> ${quoted(key)})`;
      const overlaid = key === null ? fields.flatMap(([, other]) => (other.key === null ? [] : [other.key])) : [];
      const readsBack =
        key !== null && codec.isKeptInJson ? `${value} = ${cell}` : codec.readsBack(value, cell, overlaid);
      return [
        {
          layer: "types",
          name: `${name} (${codec.type}) and back`,
          holds: sql`case when ${raw(cell)} is not null and ${isOfSource([column])} then coalesce(${raw(readsBack)}, false) end`,
        },
      ];
    }),
  );
}

/** Links, from both ends: the record's link is the row's, and the row's is the record's. */
function linksOf({ batch, line, ledger, merged }: Proving): { joins: Sql; tests: Test[] }[] {
  return mappedFields(line.collection).flatMap(([name, field], index) => {
    const target = ledger.find(({ collection }) => collection.name === field.codec.linksTo);
    if (target === undefined) return [];
    const linked = raw(field.codec.linkedId?.(cellName(line, name)) ?? "null::text");
    const column = raw(`row.${field.column}`);
    const linkedId = sql`app.uuidv5(${batch.sourceId}::uuid, ${`${target.collection.name}/`} || ${linked})`;
    const arrived = raw(`arrived_${index}`);
    const known = raw(`known_${index}`);
    const check = (what: string, holds: Sql): Test => ({
      layer: "references",
      name: `${name} → ${target.collection.name}, ${what}`,
      holds,
    });
    return [
      {
        joins: sql`
          left join ${raw(target.collection.table as string)} ${arrived}
            on ${arrived}.tenant_id = ${batch.tenantId} and ${arrived}.id = ${column}
          left join imports.records ${known}
            on ${known}.tenant_id = ${batch.tenantId} and ${known}.batch_id = ${batch.id} and ${known}.row_id = ${column}`,
        tests: [
          check(
            "from the record to the row",
            sql`
              case when ${linked} is not null and ${isOfSource([field.column])}
                then ${arrived}.id is not null and ${column} = ${afterMerges(linkedId, merged)}
              end`,
          ),
          check(
            "from the row to the record",
            sql`
              case when ${column} is not null and ${isOfSource([field.column])}
                then coalesce(${linked} = coalesce(${known}.record_id, (
                  select earlier.record_id
                  from imports.records earlier
                  where earlier.tenant_id = ${batch.tenantId} and earlier.row_id = ${column}
                  order by earlier.id desc
                  limit 1
                ))${merged.ids.length === 0 ? raw("") : sql` or ${linkedId} = any (${merged.ids}::uuid[])`}, false)
              end`,
          ),
        ],
      },
    ];
  });
}
