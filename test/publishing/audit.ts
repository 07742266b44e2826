/** What must be true after every scenario of publishing, whatever went wrong on the way. */
import { elementsOf } from "../../src/publishing/elements.ts";
import { snapshotSchema } from "../../src/publishing/snapshot.ts";
import type { JournalEntry } from "../../src/sandbox/gohighlevel/journal.ts";
import type { Story } from "./story.ts";

export type AuditOptions = {
  /** How many creations were made twice and put away again; only a reply later than all patience makes one. */
  transientDuplicates?: number;
  /** Objects that people made and that bear our token. */
  byPeople?: number;
  /** Calls that GoHighLevel allows in a window; checked where given. */
  limit?: { max: number; intervalMs: number };
  /** Words that must appear nowhere. */
  canaries?: string[];
  /** The log's lines, to be searched for them. */
  lines?: string[];
};

const tokenOf = (name: string) => /pp[a-z2-7]{12}$/.exec(name)?.[0];

/**
 * One object for each token; each synced item's object holds exactly what was approved; nothing was created more often than
 * allowed; no window held more calls than allowed, and no pause any; no secret anywhere.
 */
export async function audit(story: Story, options: AuditOptions = {}): Promise<void> {
  const { transientDuplicates = 0, byPeople = 0, limit, canaries = [], lines = [] } = options;
  const state = await story.state();
  const journal = await story.journal();
  const live = [...state.templates.filter((row) => !row.archived), ...state.customValues].filter((row) =>
    tokenOf(row.name),
  );
  const tokens = live.map((row) => `${"type" in row ? row.type : "value"} ${tokenOf(row.name)}`);
  expect(tokens.length - new Set(tokens).size).toBeLessThanOrEqual(byPeople);

  const created = new Map<string, number>();
  for (const entry of journal) {
    if (entry.method !== "POST" || !entry.committed || entry.path.startsWith("/oauth/")) continue;
    const name = /"name":"([^"]*)"/.exec(entry.body)?.[1] ?? "";
    const key = `${entry.path} ${name}`;
    created.set(key, (created.get(key) ?? 0) + 1);
  }
  const surplus = [...created.values()].reduce((sum, count) => sum + count - 1, 0);
  expect(surplus).toBeLessThanOrEqual(transientDuplicates);

  await expectApprovedContent(story);
  if (limit !== undefined) expectWithin(journal, limit);
  await expectQuietPauses(story, journal);
  await expectNoSecret(story, canaries, lines);
}

/** Every item that says synced: what GoHighLevel holds under its id is what the approved version renders to. */
async function expectApprovedContent(story: Story): Promise<void> {
  const rows = await story.database.query<{
    snapshot: unknown;
    installation_id: string;
    token: string;
    remote_id: string;
    remote_name: string;
    asset_kind: string;
  }>(
    `select v.snapshot, n.id as installation_id, i.token, i.remote_id, i.remote_name, i.asset_kind
     from publishing.publications p
     join publishing.publication_items i on i.tenant_id = p.tenant_id and i.publication_id = p.id
     join journeys.journey_versions v on v.tenant_id = p.tenant_id and v.id = p.journey_version_id
     join publishing.locations l on l.tenant_id = p.tenant_id and l.id = p.location_id
     cross join app_private.installations n
     where l.ghl_location_id = $1 and i.status = 'synced' and i.asset_kind in ('template', 'custom_value')
       and p.status not in ('superseded', 'unpublished', 'unpublishing')`,
    [story.ghlLocationId],
  );
  const { templates, customValues } = await story.state();
  for (const row of rows) {
    const { all } = elementsOf(row.installation_id, snapshotSchema.parse(row.snapshot));
    const rendered = all.find((element) => element.token === row.token)?.render(row.remote_name);
    if (rendered?.kind === "template") {
      const { name, subjectLine, previewText, editorContent } = rendered.fields;
      expect(templates.find((template) => template.id === row.remote_id)).toMatchObject({
        name,
        subjectLine,
        previewText,
        editorContent,
      });
    }
    if (rendered?.kind === "custom_value") {
      expect(customValues.find((value) => value.id === row.remote_id)).toMatchObject({ value: rendered.fields.value });
    }
  }
}

function expectWithin(journal: JournalEntry[], { max, intervalMs }: { max: number; intervalMs: number }): void {
  const byLocation = Map.groupBy(journal, (entry) => entry.locationId);
  for (const entries of byLocation.values()) {
    const times = entries.map((entry) => entry.arrivedAt);
    times.forEach((time, index) => {
      const inWindow = times.slice(index).filter((other) => other < time + intervalMs).length;
      expect(inWindow).toBeLessThanOrEqual(max);
    });
  }
}

/** While a location is put aside, nothing is called for it. */
async function expectQuietPauses(story: Story, journal: JournalEntry[]): Promise<void> {
  const changes = await story.database.query<{ at: number; place: string; status: string }>(
    `select extract(epoch from c.changed_at)::float8 * 1000 as at, l.ghl_location_id as place, c.changes -> 'status' ->> 1 as status
     from audit.changes c join publishing.locations l on l.tenant_id = c.tenant_id and l.id = c.row_id
     where c.table_name = 'publishing.locations' and c.changes ? 'status' order by c.id`,
  );
  for (const [index, { at, place, status }] of changes.entries()) {
    if (status === "active") continue;
    const until = changes.slice(index + 1).find((change) => change.place === place)?.at ?? Number.POSITIVE_INFINITY;
    const called = journal.filter(
      (entry) => entry.locationId === place && entry.arrivedAt > at + 1 && entry.arrivedAt < until - 1,
    );
    expect(called.map((entry) => `${entry.method} ${entry.path}`)).toEqual([]);
  }
}

/** Every table that people or machines read, and every job: none holds a secret. */
async function expectNoSecret(story: Story, canaries: string[], lines: string[]): Promise<void> {
  if (canaries.length === 0) return;
  const tables = await story.database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('publishing', 'journeys', 'audit', 'tenancy', 'app_private', 'graphile_worker') and tablename not like 'changes_%'`,
  );
  const union = tables.map(({ name }) => `select to_jsonb(t)::text as row from ${name} t`).join(" union all ");
  for (const canary of canaries) {
    const found = await story.database.query(`select row from (${union}) rows where strpos(row, $1) > 0`, [canary]);
    expect(found).toEqual([]);
    expect(lines.filter((line) => line.includes(canary))).toEqual([]);
  }
}
