import { text } from "node:stream/consumers";
import { type Command, Option } from "commander";
import type pg from "pg";
import { type RotatedLogin, rotateLogins } from "../database/login_passwords.ts";
import { dropSqlLogin, ensureSqlLogin, type SqlLoginKind, sqlLoginKinds } from "../database/sql_logins.ts";
import { fail } from "../errors.ts";
import { MIN_PASSWORD_LENGTH, oneTimePassword } from "../server/passwords.ts";
import { withServer } from "./as_owner.ts";
import { findTenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface CreateOptions extends AnswerOptions {
  tenant: string;
  role: SqlLoginKind;
  name: string;
  description?: string;
  passwordStdin?: boolean;
  newPassword?: boolean;
}

interface TenantOptions extends AnswerOptions {
  tenant: string;
}

/** What became of a login's password, in a line. */
export function tellRotated({ login, before }: RotatedLogin): string {
  return before === "previous"
    ? `${login} has the password of LANDFALL_SECRET_KEY from now on.`
    : `${login} had the password of LANDFALL_SECRET_KEY already.`;
}

interface ListedLogin {
  tenant: string;
  name: string | null;
  kind: SqlLoginKind;
  loginName: string;
  description: string | null;
  isActive: boolean;
}

/** A name that people type, and that needs no quotes anywhere. */
const loginNamePattern = /^[a-z][a-z0-9_-]{0,39}$/;

/** `landfall login …`: logins that speak SQL for one tenant. */
export function registerLogin(program: Command): void {
  const login = program
    .command("login")
    .description("Make, list and revoke database logins that speak SQL for one tenant, under its policies.");
  login
    .command("rotate")
    .description("Give the API's and the worker's own logins the passwords of LANDFALL_SECRET_KEY. Nobody is cut off.")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nProcesses that know both keys (LANDFALL_SECRET_KEY_PREVIOUS) go on connecting; docs/security.md has the order.",
    )
    .action(async (options: AnswerOptions) => {
      const logins = await withServer(({ server, config }) =>
        rotateLogins({ ...server, previousSecretKey: config.previousSecretKey }),
      );
      answer(options, { logins }, logins.map(tellRotated));
    });
  login
    .command("create")
    .description("Make a login. Prints its password and connection string, once; made again, it stays as it is.")
    .requiredOption("--tenant <slug>", "the tenant whose rows it sees")
    .addOption(
      new Option("--role <role>", "what it may do there: a reporter reads, an automation works through functions")
        .choices(sqlLoginKinds)
        .makeOptionMandatory(),
    )
    .requiredOption("--name <name>", "what you call it, such as n8n: lower-case letters, digits, - and _")
    .option("--description <text>", "who uses it, and for what")
    .option("--password-stdin", "take the password from stdin instead of making one; it is not printed")
    .option("--new-password", "make a new password for a login that is there")
    .option(...jsonOption)
    .action(async (options: CreateOptions) => {
      checkUse(options);
      const given = options.passwordStdin ? await readPassword() : undefined;
      const made = await withServer(async ({ server, owner }) => {
        const tenant = await owner((client) => findTenant(client, options.tenant));
        const fresh = options.newPassword ? oneTimePassword() : undefined;
        const login = await ensureSqlLogin(server, {
          tenantId: tenant.id,
          kind: options.role,
          name: options.name,
          description: options.description,
          password: given ?? fresh,
          makePassword: oneTimePassword,
        });
        const password = given === undefined ? login.password : undefined;
        return { ...login, password, url: connectionString(server.adminUrl, login.loginName, password) };
      });
      const { loginName, isNew, password, url } = made;
      const { role, name, tenant } = options;
      answer(options, { tenant, name, role, loginName, isNew, ...(password ? { password } : {}), url }, [
        `${isNew ? "Made" : "There is"} the login ${loginName}: ${name}, a ${role} of ${tenant}.`,
        password
          ? `Password, shown this once: ${password}`
          : given === undefined
            ? "Its password stays as it is; --new-password makes another one."
            : "Its password is the one that was given.",
        url,
      ]);
    });
  login
    .command("list")
    .description("List the logins, of every tenant or of one.")
    .option("--tenant <slug>", "this tenant's alone")
    .option(...jsonOption)
    .action(async (options: Partial<TenantOptions>) => {
      const logins = await withServer(({ owner }) =>
        owner(async (client) => {
          if (options.tenant !== undefined) await findTenant(client, options.tenant);
          return await listLogins(client, options.tenant);
        }),
      );
      answer(
        options,
        { logins },
        logins.length === 0
          ? ["There is none. Make one: landfall login create --tenant <slug> --role reporter --name <name>"]
          : logins.map(({ tenant, name, kind, loginName, description, isActive }) =>
              [tenant, name ?? "-", kind, loginName, isActive ? "" : "switched off", description ?? ""]
                .filter(Boolean)
                .join("  "),
            ),
      );
    });
  login
    .command("revoke")
    .description("Take a login away: its statements at once, its connections, and the role.")
    .argument("<name>", "its name, or the name of its role")
    .requiredOption("--tenant <slug>", "the tenant that it speaks for")
    .option(...jsonOption)
    .action(async (name: string, options: TenantOptions) => {
      const revoked = await withServer(async ({ server, owner }) => {
        const { tenant, found } = await owner(async (client) => {
          const tenant = await findTenant(client, options.tenant);
          const logins = await listLogins(client, tenant.slug);
          return { tenant, found: logins.filter((listed) => listed.name === name || listed.loginName === name) };
        });
        const [login, ...others] = found;
        if (login === undefined) {
          return fail(
            "login_unknown",
            `${tenant.slug} has no login called ${name}.`,
            "`landfall login list` names those there are.",
          );
        }
        if (others.length > 0) {
          const names = found.map(({ loginName }) => loginName).join(", ");
          fail("wrong_usage", `${tenant.slug} has several logins called ${name}.`, `Name the role: ${names}.`);
        }
        await dropSqlLogin(server, tenant.id, login.loginName);
        return login;
      });
      answer(options, revoked, [`The login ${revoked.loginName} of ${revoked.tenant} is gone.`]);
    });
}

function checkUse({ name, passwordStdin, newPassword }: CreateOptions): void {
  if (!loginNamePattern.test(name)) {
    fail("wrong_usage", `A login cannot be called "${name}".`, "A letter first, then letters, digits, - and _: n8n.");
  }
  if (passwordStdin && newPassword) {
    fail("wrong_usage", "--password-stdin and --new-password exclude each other.", "Leave one of them out.");
  }
}

async function readPassword(): Promise<string> {
  const password = (await text(process.stdin)).replace(/\r?\n$/, "");
  if (password.length < MIN_PASSWORD_LENGTH || /[^\x20-\x7e]/.test(password)) {
    fail(
      "weak_password",
      `This cannot be a login's password: it needs ${MIN_PASSWORD_LENGTH} printable ASCII characters at least.`,
      "Send a longer one, or let Landfall make it: leave --password-stdin out.",
    );
  }
  return password;
}

async function listLogins(client: pg.ClientBase, slug?: string): Promise<ListedLogin[]> {
  const { rows } = await client.query<ListedLogin>(
    `select t.slug as tenant, l.name, l.kind, l.login_name as "loginName", l.description, l.is_active as "isActive"
     from tenancy.sql_logins l
     join tenancy.tenants t on t.id = l.tenant_id
     where $1::text is null or t.slug = $1
     order by t.slug, l.name, l.login_name`,
    [slug],
  );
  return rows;
}

/** Where the login connects; host and port are those that this command used. */
function connectionString(adminUrl: string, loginName: string, password: string | undefined): string {
  const url = new URL(adminUrl);
  url.username = loginName;
  url.password = password ?? "";
  return url.toString();
}
