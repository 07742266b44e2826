import type pg from "pg";
import { reasons } from "../reasons.ts";
import type { Batch } from "./batch.ts";
import type { LedgerCollection } from "./collections.ts";
import { givenColumns } from "./judge.ts";
import { incomingRows, join, raw, run, type Shape, sql } from "./sql.ts";

/** A condition of the table's own: a row for which it is false is refused. */
interface TableRule {
  name: string;
  holds: string;
  meaning: string;
}

/**
 * Quarantines the records that the table would refuse, by its own checks and its columns that cannot be empty, read from the catalog:
 * so that a plan knows of them, and their children too. A record is judged without the cells that wait.
 */
export async function checkTableRules(
  client: pg.ClientBase,
  batch: Batch,
  ledger: LedgerCollection,
  shape: Shape,
): Promise<void> {
  const { rows: rules } = await client.query<TableRule>(
    `select c.conname as name, pg_get_expr(c.conbin, c.conrelid) as holds,
            coalesce(obj_description(c.oid, 'pg_constraint'), pg_get_constraintdef(c.oid)) as meaning
     from pg_constraint c
     where c.conrelid = $1::regclass and c.contype = 'c'
       and not exists (
         select from pg_attribute a where a.attrelid = c.conrelid and a.attnum = any (c.conkey) and a.attname::text <> all ($2::text[])
       )
     union all
     select a.attname, format('(%I is not null)', a.attname), 'This column cannot be empty.'
     from pg_attribute a
     where a.attrelid = $1::regclass and a.attnum > 0 and a.attnotnull and a.attname::text = any ($2::text[])
     order by name`,
    [shape.table, shape.given.map(({ name }) => name)],
  );
  if (rules.length === 0) return;
  // One pass for all rules; which one it was is asked of the few that fail.
  const broken = rules.map(({ holds }, index) => sql`when ${raw(holds)} is false then ${raw(String(index + 1))}`);
  await run(
    client,
    sql`
    with waiting as materialized (
      select issue.row_id, array_agg(issue.column_name) as columns
      from imports.issues issue
      where issue.tenant_id = ${batch.tenantId} and issue.collection_id = ${ledger.id}
        and issue.fate = 'quarantined' and issue.settled_at is null and issue.row_id is not null
      group by issue.row_id
    ),
    refused as materialized (
      select failing.*, rule.detail
      from (
        select incoming.row_id, incoming.record_id, incoming.sha256, case ${join(broken, " ")} end as place
        from (
          select incoming.row_id, incoming.record_id, incoming.sha256, ${join(givenColumns(ledger.collection), ", ")}
          from (${incomingRows(batch, ledger.id, shape)}) incoming
          left join waiting on waiting.row_id = incoming.row_id
          offset 0
        ) incoming
        offset 0
      ) failing
      join unnest(${rules.map(({ name, meaning }) => `${name}: ${meaning}`)}::text[]) with ordinality as rule (detail, place)
        on rule.place = failing.place
      where failing.place is not null
    ),
    told as (
      insert into imports.issues (batch_id, collection_id, row_id, record_id, fate, reason, detail, way_out)
      select ${batch.id}, ${ledger.id}, row_id, record_id, 'quarantined', 'refused_by_table', detail, ${reasons.refused_by_table}
      from refused
    )
    insert into imports.records (batch_id, collection_id, row_id, record_id, sha256, outcome, reason)
    select ${batch.id}, ${ledger.id}, row_id, record_id, sha256, 'quarantined', 'refused_by_table' from refused`,
  );
}
