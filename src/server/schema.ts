import "./grafast_mode.ts";

import type { Logger } from "pino";
import { makeSchema } from "postgraphile";
import { lexicographicSortSchema, printSchema } from "postgraphile/graphql";
import { createPool } from "../database/pools.ts";
import { readErrorCatalog } from "./errors.ts";
import { makePreset } from "./preset.ts";
import { makeTokens } from "./tokens.ts";

/**
 * The API's schema as text, sorted, so that a difference is a change: what src/generated/schema.graphql holds.
 *
 * @param databaseUrl connection string of the authenticator on a migrated database
 * @param rolePrefix first part of the roles' names there
 */
export async function printApiSchema(databaseUrl: string, rolePrefix: string, log: Logger): Promise<string> {
  const pool = createPool(databaseUrl, { applicationName: "landfall schema", max: 2 });
  try {
    const { schema } = await makeSchema(
      makePreset({
        pool,
        errors: await readErrorCatalog(pool),
        tokens: makeTokens("printing a schema signs nothing"),
        rolePrefix,
        keys: { secretKey: "printing a schema derives nothing" },
        sessionSeconds: 0,
        hasGraphiql: false,
        isIntrospectable: true,
        log,
      }),
    );
    return `${printSchema(lexicographicSortSchema(schema))}\n`;
  } finally {
    await pool.end();
  }
}
