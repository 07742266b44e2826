import { randomBytes } from "node:crypto";
import { type Command, Option } from "commander";
import type pg from "pg";
import { errorCode, fail } from "../errors.ts";
import { newPassword } from "../server/passwords.ts";
import { asOwner } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";
import { findTenant, type Tenant } from "./tenant.ts";

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
        made.isNew
          ? `One-time password: ${password} (they choose their own after signing in)`
          : "The person was known already and keeps their password.",
      ]);
    });
}

export interface NewPerson {
  email: string;
  name: string;
  role: MembershipRole;
  /** Slugs of the clients that a person with the role client belongs to. */
  clients: string[];
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
  const { id, isNew } = await findOrMakeUser(client, email, person);
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

async function findOrMakeUser(
  client: pg.ClientBase,
  email: string,
  person: NewPerson,
): Promise<{ id: string; isNew: boolean }> {
  const known = await client.query<{ id: string }>("select id from tenancy.users where email = $1", [email]);
  if (known.rows[0]) return { id: known.rows[0].id, isNew: false };
  try {
    const made = await client.query<{ id: string }>(
      "insert into tenancy.users (email, name) values ($1, $2) returning id",
      [email, person.name],
    );
    const { id } = made.rows[0] as { id: string };
    const { salt, parameters, derived } = await newPassword(person.password, person.secretKey);
    await client.query("select app_private.set_password($1, $2, $3, $4, $5)", [
      id,
      salt,
      parameters,
      derived,
      person.isOneTime,
    ]);
    return { id, isNew: true };
  } catch (error) {
    if (errorCode(error) !== "23514") throw error;
    return fail(
      "email_invalid",
      `"${email}" with the name "${person.name}" is not usable.`,
      "An address has the form name@domain; a name is not blank.",
      error,
    );
  }
}

/** A password that is easy to read out and hard to guess: four groups of five characters, 100 bits. */
export function oneTimePassword(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const characters = [...randomBytes(20)].map((byte) => alphabet[byte % 32]);
  return [0, 5, 10, 15].map((from) => characters.slice(from, from + 5).join("")).join("-");
}
