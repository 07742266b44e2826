/** The documents of the lead lists, asked through the real schema as a real editor, with what their statements took and read. */
import "../../src/server/grafast_mode.ts";
import { readFileSync } from "node:fs";
import pg from "pg";
import { pino } from "pino";
import { makeSchema } from "postgraphile";
import { grafast } from "postgraphile/grafast";
import { type DocumentNode, print } from "postgraphile/graphql";
import { createPool } from "../../src/database/pools.ts";
import type { Identity } from "../../src/database/with_identity.ts";
import {
  LeadgenBatchStatisticsDocument,
  LeadgenCompaniesDocument,
  LeadgenContactsDocument,
  LeadgenCountsDocument,
  LeadgenMessagesDocument,
} from "../../src/generated/documents/graphql.ts";
import { readErrorCatalog } from "../../src/server/errors.ts";
import { makePreset } from "../../src/server/preset.ts";
import { withRequest } from "../../src/server/request.ts";
import { makeTokens } from "../../src/server/tokens.ts";

type Variables = Record<string, unknown>;
type Editor = Extract<Identity, { kind: "user" }>;

/** A tenant with an editor, the values that its rows have, and how many rows of each table are its own. */
export interface LeadTenant {
  editor: Editor;
  owners: string[];
  batches: string[];
  tags: string[];
  countries: string[];
  rows: Record<string, number>;
}

/** Reads and their plans: a scan of a table that is large, as auto_explain told it. */
export interface Scan {
  table: string;
  node: string;
  condition: string;
  /** Rows that came or were looked at in vain. */
  rows: number;
}

export interface Asked {
  /** Milliseconds from sending each statement to its rows, added up. */
  milliseconds: number;
  /** Milliseconds that the server's process worked for it; null where the system does not tell. */
  cpuMilliseconds: number | null;
  /** Shared buffers that its statements touched; none where plans are not told. */
  buffers: number;
  scans: Scan[];
}

export interface LeadReads {
  ask(document: DocumentNode, tenant: LeadTenant, variables: Variables): Promise<Asked>;
  close(): Promise<void>;
}

/** Any of a list, with a generator of one's own, so that a run can be repeated. */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

export interface Read {
  name: string;
  document: DocumentNode;
  variables(tenant: LeadTenant, random: Random): Variables;
}

const any = <Value>(values: readonly Value[], random: Random): Value =>
  values[Math.floor(random() * values.length)] as Value;
const maybe = <Value>(share: number, random: Random, value: () => Value): Value | undefined =>
  random() < share ? value() : undefined;

const companyStatuses = ["new", "triage_passed", "enriched_l2", "synced", "needs_review", "error_pushing_lemlist"];
const tiers = ["tier_1_platinum", "tier_2_gold", "tier_3_silver", "tier_4_bronze", "deprioritize"];
const messageStatuses = ["draft", "draft", "draft", "approved", "rejected", "sent", "replied"];
const contactStatuses = ["not_started", "pending_review", "approved", "sent", "no_channel", "generation_failed"];
const searches = ["nordkran", "gmbh", "company-77", "person-12", "astrid", "robot", "optik"];

/** What is measured: each document, with everything that can be asked of it in turn. At least one filter is always given, but for the counts. */
export const leadReads: Read[] = [
  {
    name: "LeadgenBatchStatistics",
    document: LeadgenBatchStatisticsDocument,
    variables: (tenant, random) => ({
      batchId: any(tenant.batches, random),
      ownerId: maybe(0.3, random, () => any(tenant.owners, random)),
    }),
  },
  {
    name: "LeadgenCounts",
    document: LeadgenCountsDocument,
    variables: (tenant, random) => ({
      batchId: maybe(0.4, random, () => any(tenant.batches, random)),
      ownerId: maybe(0.3, random, () => any(tenant.owners, random)),
    }),
  },
  {
    name: "LeadgenMessages",
    document: LeadgenMessagesDocument,
    variables: (tenant, random) => ({
      status: any(messageStatuses, random),
      ownerId: maybe(0.8, random, () => any(tenant.owners, random)),
      channel: maybe(0.3, random, () => any(["email", "linkedin_connect", "linkedin_message", "call_script"], random)),
    }),
  },
  {
    name: "LeadgenCompanies",
    document: LeadgenCompaniesDocument,
    variables: (tenant, random) =>
      withFilter((share) => ({
        search: maybe(share, random, () => any(searches, random)),
        statuses: maybe(share, random, () => someOf(companyStatuses, random)),
        tiers: maybe(share, random, () => someOf(tiers, random)),
        ownerId: maybe(share, random, () => any(tenant.owners, random)),
        batchId: maybe(share, random, () => any(tenant.batches, random)),
        tag: maybe(share, random, () => any(tenant.tags, random)),
        country: maybe(share, random, () => any(tenant.countries, random)),
        minTriageScore: maybe(share, random, () => String(5 + Math.floor(random() * 5))),
        orderBy: any(["name", "triage_score", "updated_at"], random),
      })),
  },
  {
    name: "LeadgenContacts",
    document: LeadgenContactsDocument,
    variables: (tenant, random) =>
      withFilter((share) => ({
        search: maybe(share, random, () => any(searches, random)),
        messageStatuses: maybe(share, random, () => someOf(contactStatuses, random)),
        tiers: maybe(share, random, () => someOf(tiers, random)),
        ownerId: maybe(share, random, () => any(tenant.owners, random)),
        batchId: maybe(share, random, () => any(tenant.batches, random)),
        tag: maybe(share, random, () => any(tenant.tags, random)),
        country: maybe(share, random, () => any(tenant.countries, random)),
        minContactScore: maybe(share, random, () => String(50 + Math.floor(random() * 50))),
        orderBy: any(["contact_score", "full_name", "updated_at"], random),
      })),
  },
];

function someOf<Value>(values: readonly Value[], random: Random): Value[] {
  const one = any(values, random);
  const other = any(values, random);
  return random() < 0.7 || one === other ? [one] : [one, other];
}

/** Two filters of eight on average, and never none. */
function withFilter(make: (share: number) => Variables): Variables {
  for (;;) {
    const variables = make(0.25);
    if (Object.entries(variables).some(([name, value]) => name !== "orderBy" && value !== undefined)) return variables;
  }
}

const largeTables = [
  "companies",
  "contacts",
  "messages",
  "company_tags",
  "contact_batches",
  "leadgen_message_ranks",
  "leadgen_counts",
  "leadgen_batch_contacts",
];

/** The tenants that makeLeads made, the largest first. */
export async function readTenants(adminUrl: string, rolePrefix: string): Promise<LeadTenant[]> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Omit<LeadTenant, "editor" | "rows"> & Omit<Editor, "kind" | "role">>(
      `select s.tenant_id as "tenantId", s.user_id as "userId", s.id as "sessionId",
         array(select id from leadgen.owners where tenant_id = t.id order by name) as owners,
         array(select id from leadgen.batches where tenant_id = t.id order by name) as batches,
         array(select distinct value from leadgen.company_tags where tenant_id = t.id order by value) as tags,
         array(select distinct hq_country from leadgen.companies where tenant_id = t.id order by 1) as countries
       from tenancy.tenants t join tenancy.sessions s on s.tenant_id = t.id order by t.slug`,
    );
    const counts = await client.query<{ tenant_id: string; name: string; count: number }>(
      largeTables
        .map((name) => {
          const schema = name.startsWith("leadgen_") ? "app_private" : "leadgen";
          return `select tenant_id, '${name}' as name, count(*)::integer as count from ${schema}.${name} group by tenant_id`;
        })
        .join(" union all "),
    );
    return rows.map(({ tenantId, userId, sessionId, ...values }) => ({
      ...values,
      editor: { kind: "user", rolePrefix, role: "editor", tenantId, userId, sessionId },
      rows: Object.fromEntries(
        counts.rows.filter((row) => row.tenant_id === tenantId).map(({ name, count }) => [name, count]),
      ),
    }));
  } finally {
    await client.end();
  }
}

/**
 * Opens the schema of the API on a database.
 *
 * @param options.isExplained whether plans are told: each statement, those within functions too, is then run by EXPLAIN's instruments.
 *   The administrator must be a superuser for that.
 */
export async function openLeadReads(options: {
  adminUrl: string;
  authenticatorUrl: string;
  rolePrefix: string;
  isExplained: boolean;
}): Promise<LeadReads> {
  await setExplained(options.adminUrl, options.isExplained);
  const pool = createPool(options.authenticatorUrl, { applicationName: "bench reads", max: 1 });
  const notices: string[] = [];
  let milliseconds = 0;
  let processId = 0;
  pool.on("connect", (client) => {
    processId = (client as unknown as { processID: number }).processID;
    client.on("notice", ({ message }) => notices.push(message ?? ""));
    const query = client.query.bind(client) as (...values: unknown[]) => Promise<unknown>;
    client.query = (async (...values: unknown[]) => {
      const begun = performance.now();
      try {
        return await query(...values);
      } finally {
        milliseconds += performance.now() - begun;
      }
    }) as never;
  });
  const { schema, resolvedPreset } = await makeSchema(
    makePreset({
      pool,
      errors: await readErrorCatalog(pool),
      tokens: makeTokens("reading lists signs nothing"),
      rolePrefix: options.rolePrefix,
      keys: { secretKey: "reading lists derives nothing" },
      sessionSeconds: 0,
      hasGraphiql: false,
      isIntrospectable: false,
      log: pino({ level: "silent" }),
    }),
  );
  return {
    async ask(document, tenant, variableValues) {
      notices.length = 0;
      milliseconds = 0;
      const cpuBefore = cpuMilliseconds(processId);
      const request = { id: "bench", caller: tenant.editor, ipAddress: undefined, userAgent: undefined };
      const result = await withRequest(request, () =>
        grafast({ schema, resolvedPreset, requestContext: {}, source: print(document), variableValues }),
      );
      const { errors } = result as { errors?: readonly Error[] };
      if (errors?.[0]) throw new Error(`${JSON.stringify(variableValues)}: ${errors[0].message}`);
      const cpuAfter = cpuMilliseconds(processId);
      const plans = notices.flatMap(planOf);
      const worked = cpuBefore === null || cpuAfter === null ? null : cpuAfter - cpuBefore;
      return {
        milliseconds,
        cpuMilliseconds: worked,
        buffers: buffersOf(plans),
        scans: plans.flatMap(({ plan }) => scansOf(plan)),
      };
    },
    async close() {
      await pool.end();
      await setExplained(options.adminUrl, false);
    },
  };
}

/** How long a process has worked so far; Linux tells, in billionths of seconds. */
function cpuMilliseconds(processId: number): number | null {
  try {
    return Number(readFileSync(`/proc/${processId}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    // This is no Linux.
    return null;
  }
}

async function setExplained(adminUrl: string, isExplained: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const settings = {
      session_preload_libraries: "auto_explain",
      "auto_explain.log_min_duration": "0",
      "auto_explain.log_nested_statements": "on",
      "auto_explain.log_analyze": "on",
      "auto_explain.log_buffers": "on",
      "auto_explain.log_timing": "off",
      "auto_explain.log_format": "json",
      "auto_explain.log_level": "notice",
    };
    if (isExplained) await client.query("load 'auto_explain'");
    const database = client.escapeIdentifier(new URL(adminUrl).pathname.slice(1));
    for (const [name, value] of Object.entries(settings)) {
      await client.query(
        isExplained
          ? `alter database ${database} set ${name} = '${value}'`
          : `alter database ${database} reset ${name}`,
      );
    }
  } finally {
    await client.end();
  }
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  "Shared Hit Blocks"?: number;
  "Shared Read Blocks"?: number;
  Plans?: PlanNode[];
}

function planOf(notice: string): { text: string; plan: PlanNode }[] {
  const start = notice.indexOf("{");
  if (!notice.includes("plan:") || start < 0) return [];
  const told = JSON.parse(notice.slice(start)) as { "Query Text": string; Plan: PlanNode };
  return [{ text: told["Query Text"], plan: told.Plan }];
}

/** A statement that calls a function counts what runs within it: the whole is the most that any of them touched, added up by statement. */
function buffersOf(plans: { text: string; plan: PlanNode }[]): number {
  return plans
    .filter(({ text }) => /^\s*(select|\/\*)[\s\S]*__/i.test(text))
    .reduce((sum, { plan }) => sum + (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0), 0);
}

function scansOf(node: PlanNode): Scan[] {
  const children = (node.Plans ?? []).flatMap(scansOf);
  const table = node["Relation Name"] ?? node["Index Name"] ?? "";
  const large = largeTables.find((name) => table === name || table.startsWith(`${name}_`));
  if (!/Scan/.test(node["Node Type"]) || large === undefined) return children;
  const looked =
    node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  const scan = {
    table: large,
    node: node["Node Type"],
    condition: node["Index Cond"] ?? "",
    rows: Math.round(looked * node["Actual Loops"]),
  };
  return [scan, ...children];
}

/** So many rows may be read of a tenant, however few it has: what a list looks through before it sorts. */
const alwaysAllowed = 10_000;

/**
 * What is wrong with how something was read: a table that was read from end to end, an index that was not entered by the tenant, most of
 * what the tenant has where a filter was given.
 */
export function findWrongScans({ scans }: Asked, { rows }: LeadTenant, hasFilter: boolean): string[] {
  return scans.flatMap(({ table, node, condition, rows: read }) => {
    if (node === "Seq Scan" || node === "Parallel Seq Scan")
      return [`${table} is read from end to end, other tenants' rows too`];
    const wrong: string[] = [];
    if (node !== "Bitmap Heap Scan" && !/tenant_id = /.test(condition))
      wrong.push(`${table} is entered by ${condition || "nothing"}`);
    if (hasFilter && read > Math.max(alwaysAllowed, (rows[table] ?? 0) * 0.75)) {
      wrong.push(`${read} of ${rows[table]} rows of ${table} are read in spite of a filter`);
    }
    return wrong;
  });
}
