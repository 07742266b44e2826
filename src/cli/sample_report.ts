import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { type OpenDatabase, requireAdmin } from "../database/connections.ts";
import { createPool } from "../database/pools.ts";
import { withIdentity } from "../database/with_identity.ts";
import { renderReport } from "../imports/render_report.ts";
import { reportsPath } from "../server/import_reports.ts";
import { makePageTickets } from "../server/page_tickets.ts";
import { inOwnerTransaction } from "./as_owner.ts";
import type { Sample } from "./sample.ts";

/** How long the link works that is printed at the start, in seconds. */
const linkSeconds = 3_600;

/** Where the report of the sample import is. */
export interface SampleReport {
  /** A page in the data folder; closed to others (mode 600). */
  file: string;
  /** Path of the API, with a ticket that speaks for the sample's viewer for an hour. */
  path: string;
}

/** Writes the sample import's report into the data folder, and makes a link to it that a browser can follow. */
export async function writeSampleReport(
  config: Config,
  database: OpenDatabase,
  { tenant, people, report: { batchId } }: Sample,
): Promise<SampleReport> {
  const pool = createPool(database.worker, {
    applicationName: "landfall sample",
    max: 1,
    previousSecretKey: config.previousSecretKey,
  });
  try {
    const { text } = await withIdentity(pool, { kind: "worker", tenantId: tenant.id }, (client) =>
      renderReport(client, tenant.id, batchId, "html"),
    );
    const folder = join(config.dataDir, "reports");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `import-${batchId}.html`);
    await writeFile(file, text, { mode: 0o600 });
    const viewer = people.find(({ role }) => role === "viewer")?.email;
    const session = await inOwnerTransaction(requireAdmin(database), config, async (client) => {
      const { rows } = await client.query<{ sessionId: string; userId: string }>(
        `insert into tenancy.sessions (tenant_id, user_id, user_agent, expires_at)
         select $1, users.id, 'the link of landfall start', now() + make_interval(secs => $3)
         from tenancy.users where users.email = $2
         returning id as "sessionId", user_id as "userId"`,
        [tenant.id, viewer, linkSeconds],
      );
      return rows[0] as { sessionId: string; userId: string };
    });
    const ticket = await makePageTickets(config.jwt.secret).sign(
      { ...session, tenantId: tenant.id, shownId: batchId },
      linkSeconds,
    );
    return { file, path: `${reportsPath}/${batchId}?ticket=${ticket}` };
  } finally {
    await pool.end();
  }
}
