import type { Command } from "commander";
import type pg from "pg";
import { errorCode, fail } from "../errors.ts";
import { asOwner } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface CreateOptions extends AnswerOptions {
  name: string;
  domain?: string;
}

/** `landfall tenant …`: the businesses that live in this database. */
export function registerTenant(program: Command): void {
  const tenant = program
    .command("tenant")
    .description("Make tenants: businesses that live in this database, apart from one another.");
  tenant
    .command("create")
    .description("Make a tenant.")
    .argument("<slug>", "short name in commands and addresses: lower-case words joined by hyphens")
    .requiredOption("--name <name>", "what people call it")
    .option("--domain <domain>", "the internet domain that belongs to it")
    .option(...jsonOption)
    .action(async (slug: string, options: CreateOptions) => {
      const made = await asOwner((client) =>
        createTenant(client, { slug, name: options.name, domain: options.domain }),
      );
      answer(options, made, [
        `Made the tenant ${made.slug} (${made.id}).`,
        `Give it people: landfall user create <email> --tenant ${made.slug} --role admin`,
      ]);
    });
}

export interface Tenant {
  id: string;
  slug: string;
  name: string;
}

/**
 * Makes a tenant, as the owner.
 *
 * @throws LandfallError `tenant_exists`, `tenant_invalid`
 */
export async function createTenant(
  client: pg.ClientBase,
  { slug, name, domain }: { slug: string; name: string; domain?: string },
): Promise<Tenant> {
  try {
    const { rows } = await client.query<Tenant>("select id, slug, name from tenancy.create_tenant($1, $2, $3)", [
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

/**
 * The tenant with this slug, as the owner.
 *
 * @throws LandfallError `tenant_unknown` naming those there are
 */
export async function findTenant(client: pg.ClientBase, slug: string): Promise<Tenant> {
  const { rows } = await client.query<Tenant>("select id, slug, name from tenancy.tenants order by slug");
  const found = rows.find((tenant) => tenant.slug === slug);
  if (found) return found;
  const known =
    rows.length === 0 ? "There is none yet." : `There are: ${rows.map((tenant) => tenant.slug).join(", ")}.`;
  return fail(
    "tenant_unknown",
    `There is no tenant with the slug ${slug}. ${known}`,
    "Make it with `landfall tenant create`.",
  );
}
