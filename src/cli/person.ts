import { Argument, type Command } from "commander";
import pg from "pg";
import { deriveUrls } from "../database/urls.ts";
import { fail } from "../errors.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { erasePerson } from "../people/erase_person.ts";
import { exportPerson } from "../people/export_person.ts";
import { type Subject, subjectKinds } from "../people/person.ts";
import { withServer } from "./as_owner.ts";
import { findTenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface PersonOptions extends AnswerOptions {
  tenant: string;
  by: string;
}

interface EraseOptions extends PersonOptions {
  yes?: boolean;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `landfall person …`: what there is about one person, to take along and to take away. */
export function registerPerson(program: Command): void {
  const person = program.command("person").description("Hand out or erase what a tenant has about one person.");
  const kind = () =>
    new Argument("<kind>", "somebody the tenant writes to, or somebody who signs in").choices(subjectKinds);
  const who = ["<who>", "the contact's id, or the user's e-mail address"] as const;
  const tenant = ["--tenant <slug>", "the tenant that asks"] as const;
  const by = ["--by <email>", "the admin of the tenant at whose word it is done"] as const;
  person
    .command("export")
    .description(
      "Write everything about a person to a folder: rows, the record of changes, imported texts, files, a manifest.",
    )
    .addArgument(kind())
    .argument(...who)
    .requiredOption(...tenant)
    .requiredOption(...by)
    .requiredOption("--out <folder>", "the folder to write; it must not be there yet, or be empty")
    .option(...jsonOption)
    .action(async (kind: Subject["kind"], name: string, options: PersonOptions & { out: string }) => {
      const manifest = await onPerson(kind, name, options, (request) => exportPerson({ ...request, out: options.out }));
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      const missing = manifest.missingFiles.length;
      answer(options, manifest, [
        `Wrote ${rows} rows of ${manifest.tables.length} tables and ${manifest.files.length} files to ${manifest.folder}.`,
        ...(missing === 0 ? [] : [`${missing} files are not in the file store: see missingFiles.`]),
      ]);
      if (missing > 0) process.exitCode = 1;
    });
  person
    .command("erase")
    .description("Say what would go of a person; with --yes, erase it for ever.")
    .addArgument(kind())
    .argument(...who)
    .requiredOption(...tenant)
    .requiredOption(...by)
    .option("--yes", "do it")
    .option(...jsonOption)
    .action(async (kind: Subject["kind"], name: string, options: EraseOptions) => {
      const isForReal = options.yes ?? false;
      const { erased, mentions } = await onPerson(kind, name, options, ({ tenant, ...request }) =>
        erasePerson({ ...request, tenantId: tenant.id }, isForReal),
      );
      answer(options, { isErased: isForReal, erased, mentions }, [
        isForReal ? "Erased:" : "This would go:",
        ...Object.entries(flat(erased)).map(([what, count]) => `${String(count).padStart(9)}  ${what}`),
        ...(mentions.length === 0 ? [] : ["What belongs to others and still says their name, address or number:"]),
        ...mentions.map(({ table, column, rows }) => `${String(rows).padStart(9)}  ${table}.${column}`),
        ...(isForReal ? [] : ["Nothing was changed. Add --yes to erase it; there is no way back."]),
      ]);
    });
}

async function onPerson<T>(
  kind: Subject["kind"],
  name: string,
  options: PersonOptions,
  run: (request: {
    client: pg.Client;
    tenant: { id: string; slug: string };
    subject: Subject;
    admin: string;
    files: Awaited<ReturnType<typeof openFileStore>>;
  }) => Promise<T>,
): Promise<T> {
  if (kind === "contact" && !uuid.test(name)) {
    fail("wrong_usage", `${name} is no id of a contact.`, "Give the id that the API and psql show.");
  }
  const subject: Subject = kind === "contact" ? { kind, id: name.toLowerCase() } : { kind, email: name };
  return await withServer(async ({ server, config, owner }) => {
    const tenant = await owner((client) => findTenant(client, options.tenant));
    const files = await openFileStore(config.files);
    await files.tryOut("change");
    const client = new pg.Client({
      connectionString: deriveUrls(server.adminUrl, server.secretKey, server.rolePrefix).owner,
      application_name: "landfall person",
    });
    await client.connect();
    return await run({ client, tenant, subject, admin: options.by, files }).finally(() => client.end());
  });
}

function flat({ rows, ...others }: Record<string, unknown>): Record<string, unknown> {
  return { ...(rows as Record<string, number> | undefined), ...others };
}
