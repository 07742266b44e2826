import { type Command, Option } from "commander";
import type pg from "pg";
import { errorCode, fail } from "../errors.ts";
import { newPassword, oneTimePassword } from "../server/passwords.ts";
import { asOwner } from "./as_owner.ts";
import { findTenant, type Tenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

const roles = ["viewer", "client", "editor", "admin"] as const;
export type MembershipRole = (typeof roles)[number];

interface CreateOptions extends AnswerOptions {
  tenant: string;
  role: MembershipRole;
  name?: string;
  client?: string[];
}

/** `landfall user …`: the people who sign in. */
export function registerUser(program: Command): void {
  const user = program.command("user").description("Make people who can sign in.");
  user
    .command("create")
    .description("Add a person to a tenant. Prints a one-time password where the person is new.")
    .argument("<email>", "the address that they sign in with")
    .requiredOption("--tenant <slug>", "the tenant they belong to")
    .addOption(new Option("--role <role>", "what they are there").choices(roles).makeOptionMandatory())
    .option("--name <name>", "what people call them (the address where nothing is said)")
    .option("--client <slug...>", "role client only: the clients whose versions they read and review")
    .option(...jsonOption)
    .action(async (email: string, options: CreateOptions) => {
      if ((options.role === "client") !== (options.client !== undefined)) {
        fail(
          "wrong_usage",
          "--client belongs to --role client, and the role needs it.",
          "Name the client's slug, or choose another role.",
        );
      }
      const password = oneTimePassword();
      const made = await asOwner(async (client, { secretKey }) => {
        const tenant = await findTenant(client, options.tenant);
        const person = { email, name: options.name ?? email, role: options.role, clients: options.client ?? [] };
        return addPerson(client, tenant, { ...person, password, isOneTime: true, secretKey });
      });
      const secret = made.isNew ? { oneTimePassword: password } : {};
      answer(options, { id: made.id, email: made.email, tenant: options.tenant, role: options.role, ...secret }, [
        `${made.email} is ${options.role} of ${options.tenant}.`,
        aboutPassword(made.isNew ? password : undefined),
      ]);
    });
}

/** What to tell of a person's password: the one that was made for them, or that they have one. */
export function aboutPassword(oneTime: string | undefined): string {
  return oneTime === undefined
    ? "The person was known already and keeps their password."
    : `One-time password: ${oneTime} (they choose their own after signing in)`;
}

export interface NewPerson {
  email: string;
  name: string;
  role: MembershipRole;
  /** Slugs of the clients that a person with the role client belongs to. */
  clients: readonly string[];
  password: string;
  /** Whether they must choose a password of their own. */
  isOneTime: boolean;
  secretKey: string;
}

/**
 * Adds a person to a tenant, as the owner; somebody who is known already keeps name and password.
 *
 * @throws LandfallError `email_invalid`, `member_exists`, `client_unknown`
 */
export async function addPerson(
  client: pg.ClientBase,
  tenant: Tenant,
  person: NewPerson,
): Promise<{ id: string; email: string; isNew: boolean }> {
  const email = person.email.trim().toLowerCase();
  const { id, isNew } = await findOrMakeUser(client, { ...person, email });
  try {
    await client.query("insert into tenancy.memberships (tenant_id, user_id, role) values ($1, $2, $3)", [
      tenant.id,
      id,
      person.role,
    ]);
  } catch (error) {
    if (errorCode(error) !== "23505") throw error;
    fail(
      "member_exists",
      `${email} belongs to ${tenant.slug} already.`,
      "An admin of the tenant changes roles.",
      error,
    );
  }
  for (const slug of person.clients) {
    const { rowCount } = await client.query(
      `insert into tenancy.client_users (tenant_id, client_id, user_id)
       select tenant_id, id, $3 from journeys.clients where tenant_id = $1 and slug = $2`,
      [tenant.id, slug, id],
    );
    if (rowCount === 0)
      fail("client_unknown", `${tenant.slug} has no client with the slug ${slug}.`, "Import or make the client first.");
  }
  return { id, email, isNew };
}

/**
 * The person with this address, made where nobody has it, as the owner; somebody who is known already keeps name and password.
 *
 * @throws LandfallError `email_invalid`
 */
export async function findOrMakeUser(
  client: pg.ClientBase,
  { email, name, password, isOneTime, secretKey }: Omit<NewPerson, "role" | "clients">,
): Promise<{ id: string; isNew: boolean }> {
  const { salt, parameters, derived } = await newPassword(password, secretKey);
  try {
    const { rows } = await client.query<{ id: string; isNew: boolean }>(
      `select user_id as id, is_new as "isNew" from app_private.find_or_make_user($1, $2, $3, $4, $5, $6)`,
      [email, name, salt, parameters, derived, isOneTime],
    );
    return rows[0] as { id: string; isNew: boolean };
  } catch (error) {
    if (errorCode(error) !== "23514") throw error;
    return fail(
      "email_invalid",
      `"${email}" with the name "${name}" is not usable.`,
      "An address has the form name@domain; a name is not blank.",
      error,
    );
  }
}
