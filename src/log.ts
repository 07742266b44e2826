import { type Logger, pino } from "pino";

export type { Logger };

/** Names under which a secret may hide; pino writes `[redacted]` in their place, two levels deep. */
const secretNames = [
  "password",
  "passwordHash",
  "secret",
  "secretKey",
  "token",
  "accessToken",
  "apiKey",
  "authorization",
  "cookie",
  "connectionString",
  "databaseUrl",
];

/**
 * The process's log: one event a line, as JSON, to stderr, so that stdout stays free for what a command answers.
 * Silent in tests unless LOG_LEVEL says otherwise: the level is the one variable read outside of config.ts, for the log
 * must speak before the configuration is known to be valid.
 */
export const logger: Logger = pino(
  {
    level: process.env.LOG_LEVEL ?? (process.env.NODE_ENV === "test" ? "silent" : "info"),
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
