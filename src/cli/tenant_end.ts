/** `landfall tenant export` and `delete`: what a tenant takes along, and its end. */
import type { Command } from "commander";
import pg from "pg";
import { deriveUrls } from "../database/urls.ts";
import { fail } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { logger } from "../log.ts";
import { type DeletionSummary, deleteTenant, previewDeletion } from "../tenants/delete_tenant.ts";
import { exportTenant } from "../tenants/export_tenant.ts";
import { withServer } from "./as_owner.ts";
import { findTenant, type Tenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, confirm, jsonOption, tell } from "./output.ts";
import { whoIsThis } from "./who_is_this.ts";

interface ExportOptions extends AnswerOptions {
  out: string;
  gzip?: boolean;
}

interface DeleteOptions extends AnswerOptions {
  yes?: boolean;
}

/** @param tenant the command that they belong to */
export function registerEnd(tenant: Command): void {
  tenant
    .command("export")
    .description(
      "Write everything that a tenant has to a folder: rows, files, and a manifest. Secrets are named and left out.",
    )
    .argument("<slug>", "the tenant")
    .requiredOption("--out <folder>", "the folder to write; it must not be there yet, or be empty")
    .option("--gzip", "pack the rows")
    .option(...jsonOption)
    .action(async (slug: string, options: ExportOptions) => {
      const manifest = await writeExport(slug, options);
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const missing = manifest.missingFiles.length;
      answer(options, manifest, [
        `Wrote ${rows} rows of ${manifest.tables.length} tables and ${manifest.files.length} files to ${manifest.folder}.`,
        ...manifest.secrets.map(
          (secret) => `Left out: ${secret.table}.${secret.column}, a secret, in ${secret.rows} rows.`,
        ),
        ...(missing === 0 ? [] : [`${missing} files are not as they should be in the file store: see missingFiles.`]),
      ]);
      if (missing > 0) process.exitCode = 1;
    });
  tenant
    .command("delete")
    .description("Delete a suspended tenant for ever, with everything that it has. One that was broken off goes on.")
    .argument("<slug>", "the tenant")
    .option("--yes", "do not ask for the slug again")
    .option(...jsonOption)
    .action(async (slug: string, options: DeleteOptions) => {
      const summary = await withServer(async ({ server, config, owner }) => {
        const { tenant, outlook } = await owner((client) => lookAhead(client, slug));
        for (const line of outlook) tell(line);
        if (!options.yes) await confirm("Delete it for ever?", tenant.slug);
        const files = await openFileStore(config.files);
        await files.tryOut("change");
        const onProgress = (step: string) => logger.debug({ tenant: slug, step }, "deleting a tenant");
        return await deleteTenant({ server, tenant, files, by: whoIsThis(), onProgress });
      });
      const rows = Object.values(summary.rows).reduce((sum, count) => sum + count, 0);
      answer(options, { slug, ...summary }, [
        `${slug} is gone: ${rows} rows, ${summary.filesDeleted} files, ${summary.logins} logins, ${summary.people} people.`,
      ]);
    });
}

async function writeExport(slug: string, options: ExportOptions) {
  return await withServer(async ({ server, config, owner }) => {
    const tenant = await owner(async (client) => {
      const tenant = await findTenant(client, slug);
      if ((await standing(client, tenant)).is_leaving) {
        fail("tenant_leaving", `The tenant ${slug} is being deleted.`, "What is left of it is no export.");
      }
      return tenant;
    });
    const client = new pg.Client({
      connectionString: deriveUrls(server.adminUrl, server.secretKey, server.rolePrefix).owner,
      application_name: "landfall tenant export",
    });
    await client.connect();
    const files = await openFileStore(config.files);
    await files.tryOut("read");
    const request = { client, tenant, out: options.out, isPacked: options.gzip ?? false, files };
    const exported = await exportTenant(request).finally(() => client.end());
    const rows = exported.tables.reduce((sum, table) => sum + table.rows, 0);
    await owner((recording) =>
      recording.query("select app_private.record_deed('tenant_exported', $1, $2, $3)", [
        tenant.id,
        tenant.slug,
        { rows, files: exported.files.length, by: whoIsThis() },
      ]),
    );
    return exported;
  });
}

interface Standing {
  is_active: boolean;
  is_leaving: boolean;
  exported_at: Date | null;
}

async function standing(client: pg.ClientBase, { id }: Tenant): Promise<Standing> {
  const { rows } = await client.query<Standing>(
    `select t.is_active, t.deletion_begun_at is not null as is_leaving,
       (select max(d.done_at) from audit.operator_deeds d
        where d.tenant_id = t.id and d.deed = 'tenant_exported' and d.done_at > t.suspended_at) as exported_at
     from tenancy.tenants t where t.id = $1`,
    [id],
  );
  return rows[0] as Standing;
}

/** What goes, what stays, and what should be done before. */
async function lookAhead(client: pg.ClientBase, slug: string): Promise<{ tenant: Tenant; outlook: string[] }> {
  const tenant = await findTenant(client, slug);
  const { is_active, is_leaving, exported_at } = await standing(client, tenant);
  if (is_active) {
    fail("tenant_active", `The tenant ${slug} is active.`, `Suspend it first: landfall tenant suspend ${slug}`);
  }
  const { rows, logins, jobs, files, remoteObjects }: DeletionSummary = await previewDeletion(client, tenant.id);
  const line = (count: number, what: string) => `${String(count).padStart(9)}  ${what}`;
  const exported =
    exported_at === null
      ? `It was not exported since it was suspended: landfall tenant export ${slug} --out <folder>`
      : `It was exported at ${exported_at.toISOString()}.`;
  return {
    tenant,
    outlook: [
      is_leaving
        ? `The deletion of ${tenant.name} (${slug}) goes on:`
        : `This deletes ${tenant.name} (${slug}) for ever:`,
      ...Object.entries(rows).map(([table, count]) => line(count, table)),
      line(files, "files, but for those that another tenant has, too"),
      line(logins, "SQL logins"),
      line(jobs, "jobs"),
      "People who are in no other tenant, and whom no row of another names, go with it.",
      ...(remoteObjects > 0
        ? [`${remoteObjects} objects in GoHighLevel stay there: unpublish before what should go.`]
        : []),
      ...(is_leaving ? [] : [exported]),
    ],
  };
}
