/** What a person does with a cut-over at the command line, and what is read of it; the API's mutations are the same functions of the database. */
import type pg from "pg";
import { withIdentity } from "../../database/with_identity.ts";
import { fail } from "../../errors.ts";
import { compareSchema } from "../compare_schema.ts";
import { findMapping } from "../mappings/find_mapping.ts";
import type { ConflictPolicy } from "../mappings/mapping.ts";
import { findOrMakeSource } from "../pipeline/batch.ts";
import type { Following } from "../run_import.ts";
import { openSource } from "../sources/open_source.ts";
import type { Source } from "../sources/source.ts";

export type CutoverStatus = "preparing" | "ready" | "final_pass" | "verifying" | "switched" | "reopened" | "abandoned";

/** One import of a cut-over. */
export interface CutoverPass {
  id: string;
  number: number;
  kind: "delta" | "final";
  planBatchId: string | null;
  batchId: string | null;
  /** Rows that it inserted, updated or deleted; null before its end. */
  changes: number | null;
  createdAt: Date;
  finishedAt: Date | null;
}

/** A cut-over as it is recorded. */
export interface Cutover {
  id: string;
  sourceId: string;
  mapping: string;
  status: CutoverStatus;
  location: string;
  onConflict: ConflictPolicy;
  deleteThreshold: number;
  changesAllowed: number;
  passLimit: number;
  finalBatchId: string | null;
  /** Why it stopped, where it did; null while it goes on. */
  message: string | null;
  wayOut: string | null;
  startedBy: string;
  startedAt: Date;
  frozenBy: string | null;
  frozenAt: Date | null;
  switchedAt: Date | null;
  endedBy: string | null;
  endedAt: Date | null;
  passes: CutoverPass[];
}

/** What a cut-over is begun with, or gone on with. */
export interface CutoverOptions {
  onConflict: ConflictPolicy;
  /** How many percent of a collection may be gone from the source in one pass. */
  deleteThreshold: number;
  /** With how many changes or fewer a delta pass is the last of its kind. */
  changesAllowed: number;
  /** How many delta passes may be made from now on. */
  passes: number;
}

/** What it takes to reach a tenant's cut-overs. */
type Acting = Pick<Following, "pool" | "tenantId">;

/** Who does it, for the record: nobody is signed in at the command line. */
export interface Operator {
  operator: string;
}

const columns = `
  cutover.id, cutover.source_id as "sourceId", source.mapping, cutover.status, cutover.location, cutover.on_conflict as "onConflict",
  cutover.delete_threshold::float8 as "deleteThreshold", cutover.changes_allowed as "changesAllowed", cutover.pass_limit as "passLimit",
  cutover.final_batch_id as "finalBatchId", cutover.message, cutover.way_out as "wayOut", cutover.started_by as "startedBy",
  cutover.created_at as "startedAt", cutover.frozen_by as "frozenBy", cutover.frozen_at as "frozenAt", cutover.switched_at as "switchedAt",
  cutover.ended_by as "endedBy", cutover.ended_at as "endedAt",
  coalesce((
    select jsonb_agg(
      jsonb_build_object(
        'id', pass.id, 'number', pass.number, 'kind', pass.kind, 'planBatchId', pass.plan_batch_id, 'batchId', pass.batch_id,
        'changes', pass.changes, 'createdAt', pass.created_at, 'finishedAt', pass.finished_at
      ) order by pass.number
    )
    from imports.cutover_passes pass
    where pass.tenant_id = cutover.tenant_id and pass.cutover_id = cutover.id
  ), '[]') as passes`;

/** The cut-overs of a tenant, the latest first. */
export async function listCutovers(pool: pg.Pool, tenantId: string): Promise<Cutover[]> {
  return await withIdentity(pool, { kind: "worker", tenantId }, (client) => select(client, tenantId, null));
}

/**
 * Reads a cut-over.
 *
 * @param cutoverId the tenant's latest where nothing is given
 * @throws LandfallError `cutover_unknown`
 */
export async function readCutover(pool: pg.Pool, tenantId: string, cutoverId?: string): Promise<Cutover> {
  const [found] = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    select(client, tenantId, cutoverId ?? null),
  );
  return (
    found ??
    fail(
      "cutover_unknown",
      cutoverId === undefined ? "This tenant has no cut-over yet." : `There is no cut-over ${cutoverId}.`,
      "See those there are: landfall cutover status. To begin one: landfall cutover --mapping … --from ….",
    )
  );
}

async function select(client: pg.ClientBase, tenantId: string, cutoverId: string | null): Promise<Cutover[]> {
  const { rows } = await client.query<Omit<Cutover, "passes"> & { passes: PassRow[] }>(
    `select ${columns}
     from imports.cutovers cutover
     join imports.sources source on source.tenant_id = cutover.tenant_id and source.id = cutover.source_id
     where cutover.tenant_id = $1 and ($2::text is null or cutover.id::text = $2)
     order by cutover.created_at desc, cutover.id desc`,
    [tenantId, cutoverId],
  );
  return rows.map((row) => ({
    ...row,
    passes: row.passes.map((pass) => ({
      ...pass,
      createdAt: new Date(pass.createdAt),
      finishedAt: pass.finishedAt === null ? null : new Date(pass.finishedAt),
    })),
  }));
}

/** Times as JSON has them. */
type PassRow = Omit<CutoverPass, "createdAt" | "finishedAt"> & { createdAt: string; finishedAt: string | null };

/**
 * Begins a cut-over, or goes on with the one that is under way.
 *
 * @returns its id
 * @throws LandfallError where the source cannot be read or lacks a collection; the database's own error: LF250 where the switch is made
 */
export async function startCutover(
  { pool, tenantId, access }: Following,
  request: { mapping: string; from: string } & CutoverOptions & Operator,
): Promise<string> {
  const mapping = findMapping(request.mapping);
  const source = await openSource(request.from, access, pool);
  compareSchema(mapping, await source.schema());
  return await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    const sourceId = await findOrMakeSource(client, tenantId, mapping, source);
    const { rows } = await client.query<{ id: string }>(
      `select id from imports.start_import_cutover($1, $2, $3, $4, $5, $6)`,
      [sourceId, request.changesAllowed, request.passes, request.onConflict, request.deleteThreshold, source.location],
    );
    const { id } = rows[0] as { id: string };
    await sign(client, tenantId, id, "started_by", request.operator);
    return id;
  });
}

/**
 * Says that nobody edits the source any more.
 *
 * @throws the database's own error: LF003 where it is not ready, LF006 where there is no such cut-over
 */
export async function switchCutover(acting: Acting, cutoverId: string, { operator }: Operator): Promise<void> {
  await step(acting, cutoverId, "select imports.switch_import_cutover($1)", "frozen_by", operator);
}

/**
 * Takes the switch back; no row of the business is touched.
 *
 * @throws the database's own error: LF003 where it is not switched, LF006 where there is no such cut-over
 */
export async function reopenCutover(acting: Acting, cutoverId: string, { operator }: Operator): Promise<void> {
  await step(acting, cutoverId, "select imports.reopen_import_cutover($1)", "ended_by", operator);
}

/**
 * Gives a cut-over up before its switch.
 *
 * @throws the database's own error: LF003 where it has ended, LF006 where there is no such cut-over
 */
export async function abandonCutover(acting: Acting, cutoverId: string, { operator }: Operator): Promise<void> {
  await step(acting, cutoverId, "select imports.abandon_import_cutover($1)", "ended_by", operator);
}

/**
 * What is gone from a source can be told of a whole one alone.
 *
 * @throws LandfallError `cutover_source_partial`
 */
export function requireWhole(source: Source): void {
  if (source.isPartial !== true) return;
  fail(
    "cutover_source_partial",
    `${source.location} is known to lack records: what is gone from the source cannot be told.`,
    "Take the live source, or a whole snapshot of it.",
  );
}

/** A row that was edited here since the switch, as the audit has it. */
export interface EditSinceSwitch {
  table: string;
  rowId: string;
  /** What was last done. */
  action: "insert" | "update" | "delete";
  changes: number;
  /** Those that updates changed; null where there were none. */
  columns: string[] | null;
  at: Date;
  by: string | null;
  through: string;
}

/**
 * Names the rows that were edited here since the switch, by anything but an import.
 *
 * @throws the database's own error: LF006 where there is no such cut-over
 */
export async function previewReopening({ pool, tenantId }: Acting, cutoverId: string): Promise<EditSinceSwitch[]> {
  const { rows } = await withIdentity(pool, { kind: "worker", tenantId }, (client) =>
    client.query<EditSinceSwitch>(
      `select table_name as table, row_id as "rowId", action, change_count as changes, column_names as columns, last_changed_at as at,
              last_changed_by as by, last_changed_through as through
       from imports.preview_import_reopening($1)`,
      [cutoverId],
    ),
  );
  return rows;
}

async function step(
  { pool, tenantId }: Acting,
  cutoverId: string,
  statement: string,
  column: Signature,
  operator: string,
): Promise<void> {
  await withIdentity(pool, { kind: "worker", tenantId }, async (client) => {
    await client.query(statement, [cutoverId]);
    await sign(client, tenantId, cutoverId, column, operator);
  });
}

type Signature = "started_by" | "frozen_by" | "ended_by";

async function sign(
  client: pg.ClientBase,
  tenantId: string,
  cutoverId: string,
  column: Signature,
  operator: string,
): Promise<void> {
  await client.query(`update imports.cutovers set ${column} = $3 where tenant_id = $1 and id = $2`, [
    tenantId,
    cutoverId,
    operator,
  ]);
}
