import type { Pool } from "pg";
import type { Config } from "../config.ts";
import { childLogger } from "../log.ts";
import type { PublishOptions } from "./publish.ts";
import { defaultTiming } from "./timing.ts";

/** GoHighLevel's edge turns away callers that look like a library. */
const userAgent = "Landfall/0.1";

/** How this installation publishes. */
export function publishOptions({ config, pool }: { config: Config; pool: Pool }, signal: AbortSignal): PublishOptions {
  const { apiKey, baseUrl } = config.gohighlevel;
  return {
    pool,
    log: childLogger({ area: "publishing" }),
    secretKey: config.secretKey,
    previousSecretKey: config.previousSecretKey,
    baseUrl,
    defaultToken: apiKey ?? null,
    userAgent,
    timing: defaultTiming,
    signal,
  };
}
