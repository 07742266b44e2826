import { type Logger, pino } from "pino";

export type { Logger };

/** Names under which a secret may hide; pino writes `[redacted]` in their place, two levels deep. */
const secretNames = [
  "password",
  "passwordHash",
  "secret",
  "secretKey",
  "secretAccessKey",
  "sessionToken",
  "previousSecretKey",
  "token",
  "accessToken",
  "apiKey",
  "authorization",
  "cookie",
  "connectionString",
  "databaseUrl",
];

/**
 * LOG_LEVEL and NODE_ENV are read here and not in config.ts, for the log must speak before the configuration is known to be
 * valid. What is no level counts as info until config.ts refuses it.
 */
const wanted = process.env.LOG_LEVEL || (process.env.NODE_ENV === "test" ? "silent" : "info");
const level = wanted === "silent" || wanted in pino.levels.values ? wanted : "info";

/**
 * The process's log: one event a line, as JSON, to stderr, so that stdout stays free for what a command answers.
 * Silent in tests unless LOG_LEVEL says otherwise.
 */
export const logger: Logger = pino(
  {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: [...secretNames, ...secretNames.map((name) => `*.${name}`), ...secretNames.map((name) => `*.*.${name}`)],
      censor: "[redacted]",
    },
  },
  pino.destination({ fd: 2, sync: true }),
);

/**
 * A log that adds the given fields to every line.
 *
 * @param bindings fields such as `{ area: "imports", batchId }`
 */
export function childLogger(bindings: Record<string, unknown>): Logger {
  return logger.child(bindings);
}
