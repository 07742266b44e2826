import type { Command } from "commander";
import type pg from "pg";
import { errorCode, fail } from "../errors.ts";
import { oneTimePassword } from "../server/passwords.ts";
import { asOwner } from "./as_owner.ts";
import { findTenant, type Tenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";
import { registerEnd } from "./tenant_end.ts";
import { aboutPassword, addPerson } from "./user.ts";

interface CreateOptions extends AnswerOptions {
  name: string;
  domain?: string;
  admin?: string;
  adminName?: string;
}

/** `landfall tenant …`: the businesses that live in this database. */
export function registerTenant(program: Command): void {
  const tenant = program
    .command("tenant")
    .description("Tenants, from making to deleting: businesses that live in this database, apart from one another.");
  tenant
    .command("create")
    .description("Make a tenant with its first admin. Prints a one-time password where the person is new.")
    .argument("<slug>", "short name in commands and addresses: lower-case words joined by hyphens")
    .requiredOption("--name <name>", "what people call it")
    .option("--domain <domain>", "the internet domain that belongs to it")
    .option("--admin <email>", "its first admin, who lets everybody else in")
    .option("--admin-name <name>", "what people call the admin (the address where nothing is said)")
    .option(...jsonOption)
    .action(async (slug: string, options: CreateOptions) => {
      if (options.adminName !== undefined && options.admin === undefined) {
        fail("wrong_usage", "--admin-name belongs to --admin.", "Name the admin's address, too.");
      }
      const { made, person } = await asOwner(async (client, { secretKey }) => {
        const made = await createTenant(client, { slug, name: options.name, domain: options.domain });
        if (options.admin === undefined) return { made, person: undefined };
        const password = oneTimePassword();
        const admin = { email: options.admin, name: options.adminName ?? "", role: "admin", clients: [] } as const;
        const added = await addPerson(client, made, { ...admin, password, isOneTime: true, secretKey });
        return { made, person: { email: added.email, ...(added.isNew ? { oneTimePassword: password } : {}) } };
      });
      answer(options, { ...made, ...(person ? { admin: person } : {}) }, [
        `Made the tenant ${made.slug} (${made.id}).`,
        ...(person === undefined
          ? [`Give it people: landfall user create <email> --tenant ${made.slug} --role admin`]
          : [`${person.email} is its admin.`, aboutPassword(person.oneTimePassword)]),
      ]);
    });
  tenant
    .command("list")
    .description("List every tenant, and how it stands.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const tenants = await asOwner(listTenants);
      const width = Math.max(0, ...tenants.map(({ slug }) => slug.length));
      answer(
        options,
        { tenants },
        tenants.length === 0
          ? ["There is none yet. Make one: landfall tenant create <slug> --name <name>"]
          : tenants.map((listed) => `${listed.slug.padEnd(width)}  ${standingOf(listed)}  ${listed.name}`),
      );
    });
  tenant
    .command("suspend")
    .description("Cut a tenant off at once: its people, its SQL logins, its jobs. Nothing of it is lost.")
    .argument("<slug>", "the tenant")
    .option("--reason <text>", "why, and whom to write to; its people and programs are told")
    .option(...jsonOption)
    .action(async (slug: string, options: SuspendOptions) => {
      const suspended = await asOwner(async (client) => {
        await findTenant(client, slug);
        return await suspendTenant(client, slug, options.reason);
      });
      answer(options, suspended, [
        `${suspended.slug} is suspended: nobody of it gets in, and nothing of it goes on.`,
        `To let it in again: landfall tenant reactivate ${suspended.slug}`,
      ]);
    });
  tenant
    .command("reactivate")
    .description("Let a suspended tenant in again. Imports and publications that stood still go on.")
    .argument("<slug>", "the tenant")
    .option(...jsonOption)
    .action(async (slug: string, options: AnswerOptions) => {
      const active = await asOwner(async (client) => {
        await findTenant(client, slug);
        return await reactivateTenant(client, slug);
      });
      answer(options, active, [`${active.slug} is active.`]);
    });
  registerEnd(tenant);
}

interface SuspendOptions extends AnswerOptions {
  reason?: string;
}

/** A tenant, and how it stands. */
export interface ListedTenant extends Tenant {
  isActive: boolean;
  suspendedAt: Date | null;
  suspensionReason: string | null;
}

const listedColumns = `id, slug, name, is_active as "isActive", suspended_at as "suspendedAt", suspension_reason as "suspensionReason"`;

function standingOf({ isActive, suspendedAt, suspensionReason }: ListedTenant): string {
  if (isActive) return "active";
  const since = suspendedAt === null ? "" : ` since ${suspendedAt.toISOString().slice(0, 10)}`;
  return `suspended${since}${suspensionReason === null ? "" : ` (${suspensionReason})`}`;
}

/** Every tenant by its slug, as the owner. */
export async function listTenants(client: pg.ClientBase): Promise<ListedTenant[]> {
  return (await client.query<ListedTenant>(`select ${listedColumns} from tenancy.tenants order by slug`)).rows;
}

/**
 * Cuts a tenant off, as the owner; one that is suspended already stays so, and gets the new reason.
 *
 * @throws the database's own error: LF066 where there is no such tenant
 */
export async function suspendTenant(client: pg.ClientBase, slug: string, reason?: string): Promise<ListedTenant> {
  const { rows } = await client.query<ListedTenant>(`select ${listedColumns} from tenancy.suspend_tenant($1, $2)`, [
    slug,
    reason,
  ]);
  return rows[0] as ListedTenant;
}

/**
 * Lets a tenant in again, as the owner.
 *
 * @throws the database's own error: LF066 where there is no such tenant
 */
export async function reactivateTenant(client: pg.ClientBase, slug: string): Promise<ListedTenant> {
  const { rows } = await client.query<ListedTenant>(`select ${listedColumns} from tenancy.reactivate_tenant($1)`, [
    slug,
  ]);
  return rows[0] as ListedTenant;
}

/**
 * Makes a tenant without people, as the owner.
 *
 * @throws LandfallError `tenant_exists`, `tenant_invalid`
 */
export async function createTenant(
  client: pg.ClientBase,
  { slug, name, domain }: { slug: string; name: string; domain?: string },
): Promise<Tenant> {
  try {
    const { rows } = await client.query<Tenant>("select id, slug, name from app_private.make_tenant($1, $2, $3)", [
      slug,
      name,
      domain,
    ]);
    return rows[0] as Tenant;
  } catch (error) {
    if (errorCode(error) === "23505") {
      return fail("tenant_exists", `A tenant with the slug ${slug} exists.`, "Choose another slug.", error);
    }
    if (errorCode(error) === "23514") {
      return fail(
        "tenant_invalid",
        `The slug "${slug}" or the name "${name}" is not usable.`,
        'A slug is lower-case letters and digits in words joined by single hyphens, such as "harbour-weddings"; a name is not blank.',
        error,
      );
    }
    throw error;
  }
}
