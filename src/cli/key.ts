import type { Command } from "commander";
import pg from "pg";
import { type RotatedLogin, refuseWithoutPrevious, rotateLogins } from "../database/login_passwords.ts";
import { namePasswordKeys } from "../database/password_keys.ts";
import { deriveUrls } from "../database/urls.ts";
import { type KeyUse, readKeyUse, refuseUnknownKeys, reseal, rotatePsqlLogins } from "../rotation/rotate_keys.ts";
import { type ServerCommand, withServer } from "./as_owner.ts";
import { tellRotated } from "./login.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface RotateOptions extends AnswerOptions {
  leavePasswords?: boolean;
}

/** `landfall key …`: what is kept under LANDFALL_SECRET_KEY, and how it comes under another one. */
export function registerKey(program: Command): void {
  const key = program
    .command("key")
    .description("Change LANDFALL_SECRET_KEY, and see what is kept under which key.")
    .addHelpText("after", "\ndocs/security.md has the order in which running processes go along.");
  key
    .command("status")
    .description("Say how many secrets and passwords are kept under the key, the one before, and others.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const uses = await withServer(({ config, owner }) => owner((client) => readKeyUse(client, config)));
      answer(options, { uses }, describeUses(uses));
    });
  key
    .command("rotate")
    .description("Bring everything that is kept under LANDFALL_SECRET_KEY_PREVIOUS under LANDFALL_SECRET_KEY.")
    .option("--leave-passwords", "go on although some people's passwords are under neither; they choose new ones")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nSafe to repeat: what is done stays done. People's passwords come along as they sign in; `landfall key status` says how many are left.",
    )
    .action(async (options: RotateOptions) => {
      const rotated = await withServer((command) => rotate(command, options.leavePasswords ?? false));
      const { logins, psqlLogins, resealed, uses } = rotated;
      answer(options, rotated, [
        ...logins.map(tellRotated),
        `Logins of landfall psql: ${psqlLogins}. Sealed anew: ${resealed["location tokens"]} location tokens, ${resealed.mails} mails.`,
        ...describeUses(uses),
      ]);
      if (waiting(uses).some(({ what }) => what !== "passwords")) process.exitCode = 1;
    });
}

interface Rotated {
  logins: RotatedLogin[];
  psqlLogins: number;
  resealed: Awaited<ReturnType<typeof reseal>>;
  uses: KeyUse[];
}

async function rotate({ server, config, owner }: ServerCommand, leavesPasswords: boolean): Promise<Rotated> {
  const { previousSecretKey } = config;
  if (previousSecretKey === undefined) return refuseWithoutPrevious();
  refuseUnknownKeys(await owner((client) => readKeyUse(client, config)), leavesPasswords);
  const logins = await rotateLogins({ ...server, previousSecretKey });
  const admin = new pg.Client({ connectionString: server.adminUrl, application_name: "landfall key" });
  const client = new pg.Client({
    connectionString: deriveUrls(server.adminUrl, server.secretKey, server.rolePrefix).owner,
    application_name: "landfall key",
  });
  await admin.connect();
  try {
    await client.connect();
    const psqlLogins = await rotatePsqlLogins(admin, client, config);
    const resealed = await reseal(client, config);
    await namePasswordKeys(client, previousSecretKey);
    return { logins, psqlLogins, resealed, uses: await readKeyUse(client, config) };
  } finally {
    await admin.end();
    await client.end();
  }
}

/** What is left under the key before. */
function waiting(uses: readonly KeyUse[]): KeyUse[] {
  return uses.filter(({ previous, unnamed }) => previous + unnamed > 0);
}

function describeUses(uses: readonly KeyUse[]): string[] {
  const left = waiting(uses);
  const lines = uses.map(
    ({ what, current, previous, unnamed, other }) =>
      `${what}: ${current} under the key, ${previous + unnamed} under the one before${other > 0 ? `, ${other} under keys that are not given` : ""}`,
  );
  if (left.length === 0)
    return [...lines, "Nothing is left under the key before: LANDFALL_SECRET_KEY_PREVIOUS can go."];
  if (left.every(({ what }) => what === "passwords")) {
    return [
      ...lines,
      "Passwords come along as people sign in. Whoever has not when LANDFALL_SECRET_KEY_PREVIOUS goes chooses a new one by mail.",
    ];
  }
  return [...lines, "What is left is in use: run `landfall key rotate` again."];
}
