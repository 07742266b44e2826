/** What a production process refuses to start with. */
import { isIP } from "node:net";
import type { Config } from "../config.ts";
import { fail } from "../errors.ts";
import { connectClient } from "./pools.ts";

/** As many random bits as nobody guesses; a line of base64 or hex from openssl has far more. */
const LEAST_BITS = 100;

const words = /secret|password|passwort|change.?me|example|landfall|default|12345|abcdef/i;

/**
 * Whether a secret looks like one that a person made up: it holds a word, or too few different characters for its length.
 *
 * @param secret as configured, 32 characters or more
 */
export function isWeak(secret: string): boolean {
  const counts = new Map<string, number>();
  for (const character of secret) counts.set(character, (counts.get(character) ?? 0) + 1);
  const bits = [...counts.values()].reduce((sum, count) => sum - count * Math.log2(count / secret.length), 0);
  return words.test(secret) || bits < LEAST_BITS;
}

/**
 * Refuses to go on in production where that is not safe; does nothing elsewhere.
 *
 * @param logins connection strings that this process will use
 * @throws LandfallError `unsafe_production` with everything that is wrong
 */
export async function refuseUnsafeProduction(config: Config, logins: readonly string[]): Promise<void> {
  if (config.environment !== "production") return;
  const problems = [...weakSecrets(config), ...standIns(config)];
  const { url } = config.database;
  const given = url === undefined || new URL(url).username === `${config.rolePrefix}_authenticator` ? [] : [url];
  for (const login of new Set([...given, ...logins])) problems.push(...(await examineLogin(login, config)));
  if (problems.length === 0) return;
  fail(
    "unsafe_production",
    `This is not safe enough for production: ${[...new Set(problems)].join("; ")}.`,
    "Change that, or set NODE_ENV=development to try things out.",
  );
}

function weakSecrets({ jwt, secretKey, metricsToken }: Config): string[] {
  const problems = [
    ...(metricsToken !== undefined && isWeak(metricsToken)
      ? ["LANDFALL_METRICS_TOKEN can be guessed (openssl rand -base64 48 makes one that cannot)"]
      : []),
    ...(isWeak(jwt.secret) ? ["JWT_SECRET can be guessed (openssl rand -base64 48 makes one that cannot)"] : []),
    ...(isWeak(secretKey)
      ? ["LANDFALL_SECRET_KEY can be guessed (openssl rand -base64 48 makes one that cannot)"]
      : []),
  ];
  return jwt.secret === secretKey ? [...problems, "JWT_SECRET and LANDFALL_SECRET_KEY are the same"] : problems;
}

/** What runs on this machine is a stand-in: the real ones are elsewhere, behind TLS. */
function standIns({ gohighlevel, airtable }: Config): string[] {
  const outside = { GHL_BASE_URL: gohighlevel.baseUrl, AIRTABLE_ENDPOINT_URL: airtable.endpointUrl };
  return Object.entries(outside).flatMap(([name, url]) => {
    const { protocol, hostname } = new URL(url);
    const isLocal =
      hostname === "localhost" || hostname === "[::1]" || (isIP(hostname) === 4 && hostname.startsWith("127."));
    if (isLocal) return [`${name} leads to a stand-in on this machine`];
    return protocol === "https:" ? [] : [`${name} has no TLS`];
  });
}

async function examineLogin(url: string, { previousSecretKey }: Config): Promise<string[]> {
  const { username } = new URL(url);
  const client = await connectClient(url, { previousSecretKey, connectionTimeoutMillis: 10_000 });
  try {
    const { rows } = await client.query<{ passes_over_policies: boolean; can_ask: boolean }>(
      `select rolsuper or rolbypassrls as passes_over_policies,
         to_regprocedure('app.has_sample_people()') is not null
           and has_function_privilege(to_regprocedure('app.has_sample_people()'), 'execute') as can_ask
       from pg_catalog.pg_roles where rolname = session_user`,
    );
    const problems: string[] = [];
    if (rows[0]?.passes_over_policies) {
      problems.push(
        `the login ${username} passes over row-level security (set DATABASE_URL to the API's login, and DATABASE_OWNER_URL to an owner that is no superuser, for migrations alone)`,
      );
    }
    if (rows[0]?.can_ask) {
      const sample = await client.query<{ is_there: boolean }>("select app.has_sample_people() as is_there");
      if (sample.rows[0]?.is_there) {
        problems.push(
          "there are sample people who can sign in (set is_active to false for the addresses that end in .example)",
        );
      }
    }
    return problems;
  } finally {
    await client.end();
  }
}
