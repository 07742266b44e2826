import type { Pool } from "pg";
import type { Config } from "../config.ts";
import { childLogger } from "../log.ts";
import { sandboxToken } from "../sandbox/gohighlevel/tokens.ts";
import type { PublishOptions } from "./publish.ts";
import { defaultTiming } from "./timing.ts";

/** GoHighLevel's edge turns away callers that look like a library. */
const userAgent = "Landfall/0.1";

/**
 * How this installation publishes. A location without a token of its own uses GHL_API_KEY; against the stand-in, the token
 * that it accepts.
 */
export function publishOptions({ config, pool }: { config: Config; pool: Pool }, signal: AbortSignal): PublishOptions {
  const { apiKey, baseUrl, isSandbox } = config.gohighlevel;
  return {
    pool,
    log: childLogger({ area: "publishing" }),
    secretKey: config.secretKey,
    previousSecretKey: config.previousSecretKey,
    baseUrl,
    defaultToken: apiKey ?? (isSandbox ? sandboxToken : null),
    userAgent,
    timing: defaultTiming,
    signal,
  };
}
