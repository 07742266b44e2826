import { isIP } from "node:net";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { fail } from "./errors.ts";
import { localSecrets } from "./secrets.ts";

/** The folder that holds package.json, whatever folder the command was called from. */
export const projectDir = dirname(dirname(fileURLToPath(import.meta.url)));

/** The token for GoHighLevel's stand-in, which opens every location there. */
export const sandboxToken = "pit-sandbox-00000000-0000-4000-8000-000000000000";

const sslModes = ["disable", "prefer", "require", "verify-ca", "verify-full"] as const;
const postgresMajors = [16, 17, 18] as const;

export type SslMode = (typeof sslModes)[number];
export type PostgresMajor = (typeof postgresMajors)[number];

const postgresUrl = z.string().refine((value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value), {
  error: "must be a connection string such as postgres://user:password@host:5432/database",
});
const httpUrl = z
  .url({ protocol: /^https?$/, error: "must be a URL that starts with http:// or https://" })
  .transform((value) => value.replace(/\/+$/, ""));
const port = z.coerce
  .number({ error: "must be a port number" })
  .int({ error: "must be a port number" })
  .min(0, { error: "must be a port number from 0 (any free one) to 65535" })
  .max(65_535, { error: "must be a port number from 0 (any free one) to 65535" });
const secret = z.string().min(32, { error: "must have at least 32 characters" });

const secondsPerUnit = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const duration = z
  .string()
  .regex(/^[1-9]\d*[smhd]?$/, { error: "must be a whole number followed by s, m, h or d, such as 24h" })
  .transform((value) => {
    const unit = (/[smhd]$/.exec(value)?.[0] ?? "s") as keyof typeof secondsPerUnit;
    return Number.parseInt(value, 10) * secondsPerUnit[unit];
  });

const bytesPerUnit = { MB: 1e6, GB: 1e9 } as const;
const size = z
  .string()
  .regex(/^\d+(MB|GB)$/, { error: "must be a whole number followed by MB or GB, such as 2GB" })
  .transform((value) => Number.parseInt(value, 10) * bytesPerUnit[value.slice(-2) as keyof typeof bytesPerUnit]);

const isNetwork = (text: string): boolean => {
  const [address = "", prefix = "0", ...rest] = text.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d+$/.test(prefix) && Number.parseInt(prefix, 10) <= bits;
};

const bucketUrl = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/(?!\.{1,2}(\/|$))[\w!.*'()-]+)*\/?$/, {
    error: "must be a bucket such as s3://bucket or s3://bucket/prefix",
  })
  .transform((value) => {
    const [name = "", ...prefix] = value.slice("s3://".length).split("/").filter(Boolean);
    return { name, prefix: prefix.join("/") };
  });

const requestsPerMinute = z.int();
const rateLimitsSchema = z.strictObject(
  {
    /** Of one address, signed in or not. */
    address: requestsPerMinute.default(1_200),
    /** Of one person. */
    user: requestsPerMinute.default(600),
    /** Of everybody in one tenant. */
    tenant: requestsPerMinute.default(6_000),
    /** Sign-ins and everything else that tries a password or a token, from one address. */
    sign_in: requestsPerMinute.default(30),
    /** Searches of one person. */
    search: requestsPerMinute.default(60),
    /** Requests of one person that add up whole tables. */
    aggregates: requestsPerMinute.default(60),
  },
  { error: "knows address, user, tenant, sign_in, search and aggregates" },
);

/** How many requests a minute are answered; what is not used adds up for a minute. */
export type RateLimits = z.infer<typeof rateLimitsSchema>;

/** Every variable that Landfall reads; `.env.example` has one line for each (tested). */
export const environmentSchema = z.object({
  NODE_ENV: z
    .enum(["development", "test", "production"], { error: "must be development, test or production" })
    .default("development"),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"], {
      error: "must be fatal, error, warn, info, debug, trace or silent",
    })
    .default("info"),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_READ_URL: postgresUrl.optional(),
  DATABASE_LISTEN_URL: postgresUrl.optional(),
  DATABASE_WORKER_URL: postgresUrl.optional(),
  DATABASE_OWNER_URL: postgresUrl.optional(),
  DATABASE_SSL_MODE: z.enum(sslModes, { error: `must be one of ${sslModes.join(", ")}` }).optional(),
  API_HOST: z.string().default("127.0.0.1"),
  API_PORT: port.default(3001),
  API_BASE_URL: httpUrl.optional(),
  API_CORS_ORIGINS: z
    .string()
    .transform((value) => value.split(",").map((origin) => origin.trim()))
    .pipe(
      z.array(
        z.string().refine((origin) => URL.canParse(origin) && new URL(origin).origin === origin, {
          error: "must be origins such as https://app.example.com, separated by commas",
        }),
      ),
    )
    .default([]),
  LANDFALL_METRICS_TOKEN: secret.optional(),
  API_DOCUMENTS: z.enum(["trusted", "any"], { error: "must be trusted or any" }).optional(),
  API_TRUSTED_PROXIES: z
    .string()
    .transform((value) => value.split(",").map((proxy) => proxy.trim()))
    .pipe(
      z.array(
        z.string().refine((proxy) => proxy === "loopback" || isNetwork(proxy), {
          error: "must be addresses or networks such as 10.0.0.0/8, or loopback, separated by commas",
        }),
      ),
    )
    .default([]),
  API_RATE_LIMITS: z
    .string()
    .regex(/^ *\w+ *= *[1-9]\d{0,6} *(, *\w+ *= *[1-9]\d{0,6} *)*$/, {
      error: "must be requests a minute such as user=600,sign_in=30",
    })
    .transform((value) =>
      Object.fromEntries(
        value.split(",").map((part) => {
          const [name = "", count = ""] = part.split("=");
          return [name.trim(), Number.parseInt(count, 10)];
        }),
      ),
    )
    .default({})
    .pipe(rateLimitsSchema),
  JWT_SECRET: secret.optional(),
  JWT_SECRET_PREVIOUS: secret.optional(),
  JWT_EXPIRES_IN: duration.default(24 * 3_600),
  APP_URL: httpUrl.optional(),
  MAIL_URL: z
    .string()
    .refine((value) => /^smtps?:\/\//.test(value) && URL.canParse(value), {
      error: "must be a mail server such as smtps://user:password@mail.example.com",
    })
    .optional(),
  MAIL_SANDBOX_PORT: port.default(3003),
  MAIL_FROM: z
    .string()
    .regex(/^([^<>@]+<)?[^\s<>@]+@[^\s<>@]+>?$/, {
      error: "must be an address such as Landfall <landfall@example.com>",
    })
    .default("Landfall <landfall@localhost>"),
  OIDC_ISSUER: z.url({ protocol: /^https?$/, error: "must be the provider's URL, as its tokens name it" }).optional(),
  OIDC_AUDIENCE: z.string().optional(),
  OIDC_KEYS_URL: httpUrl.optional(),
  AIRTABLE_API_KEY: z.string().optional(),
  AIRTABLE_BASE_ID: z
    .string()
    .regex(/^app\w+$/, { error: "must be a base's id: app followed by letters and digits" })
    .optional(),
  AIRTABLE_ENDPOINT_URL: httpUrl.default("https://api.airtable.com"),
  GHL_API_KEY: z.string().optional(),
  GHL_BASE_URL: httpUrl.optional(),
  GHL_SANDBOX_PORT: port.default(3002),
  GHL_WEBHOOK_PUBLIC_KEY: z.string().optional(),
  GHL_OPENAPI_DIR: z.string().optional(),
  LANDFALL_DATA_DIR: z.string().default(".data"),
  LANDFALL_DISK_RESERVE: size.default(2e9),
  LANDFALL_FILES_DIR: z.string().optional(),
  LANDFALL_BACKUPS_DIR: z.string().optional(),
  LANDFALL_BACKUPS_KEPT: z.coerce
    .number({ error: "must be a whole number from 1 to 1000" })
    .int({ error: "must be a whole number from 1 to 1000" })
    .min(1, { error: "must be a whole number from 1 to 1000" })
    .max(1_000, { error: "must be a whole number from 1 to 1000" })
    .default(7),
  LANDFALL_BACKUP_BEFORE_MIGRATIONS: z.enum(["on", "off"], { error: "must be on or off" }).default("on"),
  LANDFALL_FILES_URL: bucketUrl.optional(),
  LANDFALL_FILES_PATH_STYLE: z.enum(["yes", "no"], { error: "must be yes or no" }).optional(),
  AWS_ENDPOINT_URL_S3: httpUrl.optional(),
  AWS_REGION: z.string().default("us-east-1"),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  LANDFALL_TEXTS_KEPT_FOR: duration.default(90 * secondsPerUnit.d),
  LANDFALL_CALLS_KEPT_FOR: duration.default(90 * secondsPerUnit.d),
  LANDFALL_AUDIT_KEPT_FOR: duration
    .refine((seconds) => seconds >= 30 * secondsPerUnit.d, { error: "must be 30d or more" })
    .optional(),
  LANDFALL_SECRET_KEY: secret.optional(),
  LANDFALL_SECRET_KEY_PREVIOUS: secret.optional(),
  LANDFALL_ROLE_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,39}$/, { error: "must be a lowercase word: letters, digits and underscores, 40 at most" })
    .default("landfall"),
  PG_MAJOR: z.coerce
    .number()
    .pipe(z.literal(postgresMajors, { error: `must be ${postgresMajors.join(", ")}` }))
    .default(18),
  WORKER_CONCURRENCY: z.coerce
    .number({ error: "must be a whole number from 1 to 100" })
    .int({ error: "must be a whole number from 1 to 100" })
    .min(1, { error: "must be a whole number from 1 to 100" })
    .max(100, { error: "must be a whole number from 1 to 100" })
    .default(4),
});

/** A bucket of S3, or of a server that speaks as S3 does. */
export interface BucketConfig {
  name: string;
  /** What the names of all files there begin with, without slashes around; empty for none. */
  prefix: string;
  region: string;
  /** The server; undefined: Amazon's own. */
  endpointUrl: string | undefined;
  /** Whether the bucket's name is in the path of its address, and not in the host's name. */
  isPathStyle: boolean;
  /** Undefined: those that the machine gives, by its role or profile. */
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | undefined;
}

/** Everything that Landfall can be told, checked. */
export interface Config {
  environment: "development" | "test" | "production";
  /** Absolute path of the folder for the embedded server, secrets, sample passwords and the sandbox's state. */
  dataDir: string;
  /** How many bytes imports leave free on the embedded server's disk. */
  diskReserve: number;
  backups: {
    /** Absolute path of the folder for the embedded server's backups; undefined for one beside its cluster. */
    dir: string | undefined;
    /** How many of each kind are kept. */
    kept: number;
    /** Whether the embedded server is backed up before migrations change it. */
    beforeMigrations: boolean;
  };
  /** Where the files are that imports bring along: in the bucket, or without one in the folder (an absolute path), where they also wait on their way. */
  files: { folder: string; bucket: BucketConfig | undefined };
  /** In seconds: the texts that imports read, after the import's end; the lines of the ledgers of calls, to sources and to GoHighLevel; the record of changes, where it is not kept for ever. */
  keptFor: { texts: number; calls: number; audit: number | undefined };
  /** Encrypts secrets at rest and derives the logins' passwords. */
  secretKey: string;
  /** Opens what the other key closed, and closes nothing; see src/keys.ts. */
  previousSecretKey: string | undefined;
  /** First part of every database role's name. */
  rolePrefix: string;
  /** Major version of the embedded server. */
  postgresMajor: PostgresMajor;
  /** Connection strings as given; src/database/connections.ts says which one serves what. No url: the embedded server. */
  database: {
    url: string | undefined;
    readUrl: string | undefined;
    listenUrl: string | undefined;
    workerUrl: string | undefined;
    ownerUrl: string | undefined;
    sslMode: SslMode | undefined;
  };
  api: {
    host: string;
    port: number;
    /** Where people reach the API, without a slash at the end. */
    baseUrl: string;
    /** Origins of the frontends that browsers may call the API from. */
    corsOrigins: string[];
    /** Addresses of the proxies whose X-Forwarded-For is believed. */
    trustedProxies: string[];
    rateLimits: RateLimits;
    /** Whether only documents are answered that `landfall documents add` stored. */
    onlyTrustedDocuments: boolean;
  };
  /** Opens `/metrics`; without one it is shown to this machine alone, and in production to nobody. */
  metricsToken: string | undefined;
  jwt: {
    secret: string;
    /** Signed until the secret was changed; what it signed counts until it expires. */
    previousSecret: string | undefined;
    expiresInSeconds: number;
  };
  /** The identity provider whose word is taken for who somebody is. */
  externalIssuer: { issuer: string; audience: string; keysUrl: string | undefined } | undefined;
  /** Where people open the frontend: what links in mails lead to. */
  appUrl: string | undefined;
  /** No url: mails are put into the folder mails in the data folder; in production they wait. */
  mail: {
    url: string | undefined;
    from: string;
    /** Where `landfall start` shows them then. */
    sandboxPort: number;
  };
  airtable: { apiKey: string | undefined; baseId: string | undefined; endpointUrl: string };
  gohighlevel: {
    /** For locations without a token of their own; undefined: they cannot be called. */
    apiKey: string | undefined;
    /** The API that publishing calls: GoHighLevel's own, or the sandbox where no key is given outside of production. */
    baseUrl: string;
    /** Whether baseUrl is the stand-in that `landfall start` runs. */
    isSandbox: boolean;
    sandboxPort: number;
    /** The key that GoHighLevel signs webhooks with: PEM, or the base64 of its SPKI form. */
    webhookPublicKey: string | undefined;
    /** Folder of GoHighLevel's OpenAPI files, for the contract tests. */
    openapiDir: string | undefined;
  };
  worker: { concurrency: number };
}

/**
 * Reads the configuration from environment variables. In development, secrets that are not given are made once and kept in the
 * data folder; in production they must be given.
 *
 * @param env the variables; the process's own where nothing is passed
 * @throws LandfallError `unusable_configuration` naming every variable that is missing or wrong
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    return fail(
      "unusable_configuration",
      `The environment is not usable: ${problems.join("; ")}.`,
      ".env.example explains every variable.",
    );
  }
  const values = parsed.data;
  const isProduction = values.NODE_ENV === "production";
  if (isProduction) {
    const missing = (["DATABASE_URL", "JWT_SECRET", "LANDFALL_SECRET_KEY"] as const).filter((name) => !values[name]);
    if (missing.length > 0) {
      fail(
        "unusable_configuration",
        `In production ${missing.join(" and ")} must be set.`,
        "Secrets are at least 32 random characters: openssl rand -base64 48 makes one.",
      );
    }
  }
  const dataDir = isAbsolute(values.LANDFALL_DATA_DIR)
    ? values.LANDFALL_DATA_DIR
    : resolve(projectDir, values.LANDFALL_DATA_DIR);
  const hasSandbox = !isProduction && !values.GHL_API_KEY && !values.GHL_BASE_URL;
  return {
    environment: values.NODE_ENV,
    dataDir,
    diskReserve: values.LANDFALL_DISK_RESERVE,
    backups: {
      dir: values.LANDFALL_BACKUPS_DIR === undefined ? undefined : resolve(projectDir, values.LANDFALL_BACKUPS_DIR),
      kept: values.LANDFALL_BACKUPS_KEPT,
      beforeMigrations: values.LANDFALL_BACKUP_BEFORE_MIGRATIONS === "on",
    },
    files: {
      folder: resolve(projectDir, values.LANDFALL_FILES_DIR ?? join(dataDir, "files")),
      bucket: bucket(values),
    },
    keptFor: {
      texts: values.LANDFALL_TEXTS_KEPT_FOR,
      calls: values.LANDFALL_CALLS_KEPT_FOR,
      audit: values.LANDFALL_AUDIT_KEPT_FOR,
    },
    secretKey: values.LANDFALL_SECRET_KEY ?? localSecrets(dataDir).secretKey,
    previousSecretKey: values.LANDFALL_SECRET_KEY_PREVIOUS,
    rolePrefix: values.LANDFALL_ROLE_PREFIX,
    postgresMajor: values.PG_MAJOR,
    database: {
      url: values.DATABASE_URL,
      readUrl: values.DATABASE_READ_URL,
      listenUrl: values.DATABASE_LISTEN_URL,
      workerUrl: values.DATABASE_WORKER_URL,
      ownerUrl: values.DATABASE_OWNER_URL,
      sslMode: values.DATABASE_SSL_MODE,
    },
    api: {
      host: values.API_HOST,
      port: values.API_PORT,
      baseUrl: values.API_BASE_URL ?? `http://localhost:${values.API_PORT}`,
      corsOrigins: values.API_CORS_ORIGINS,
      trustedProxies: values.API_TRUSTED_PROXIES,
      rateLimits: values.API_RATE_LIMITS,
      onlyTrustedDocuments: (values.API_DOCUMENTS ?? (isProduction ? "trusted" : "any")) === "trusted",
    },
    metricsToken: values.LANDFALL_METRICS_TOKEN,
    jwt: {
      secret: values.JWT_SECRET ?? localSecrets(dataDir).jwtSecret,
      previousSecret: values.JWT_SECRET_PREVIOUS,
      expiresInSeconds: values.JWT_EXPIRES_IN,
    },
    externalIssuer: externalIssuer(values),
    appUrl: values.APP_URL,
    mail: { url: values.MAIL_URL, from: values.MAIL_FROM, sandboxPort: values.MAIL_SANDBOX_PORT },
    airtable: {
      apiKey: values.AIRTABLE_API_KEY,
      baseId: values.AIRTABLE_BASE_ID,
      endpointUrl: values.AIRTABLE_ENDPOINT_URL,
    },
    gohighlevel: {
      apiKey: values.GHL_API_KEY ?? (hasSandbox ? sandboxToken : undefined),
      baseUrl:
        values.GHL_BASE_URL ??
        (hasSandbox ? `http://127.0.0.1:${values.GHL_SANDBOX_PORT}` : "https://services.leadconnectorhq.com"),
      isSandbox: hasSandbox,
      sandboxPort: values.GHL_SANDBOX_PORT,
      webhookPublicKey: values.GHL_WEBHOOK_PUBLIC_KEY?.replaceAll("\\n", "\n") || undefined,
      openapiDir: values.GHL_OPENAPI_DIR,
    },
    worker: { concurrency: values.WORKER_CONCURRENCY },
  };
}

function bucket(values: z.infer<typeof environmentSchema>): BucketConfig | undefined {
  const { LANDFALL_FILES_URL: url, LANDFALL_FILES_PATH_STYLE: pathStyle, AWS_ENDPOINT_URL_S3: endpointUrl } = values;
  if (url === undefined) return undefined;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = values;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    return fail(
      "unusable_configuration",
      "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set alone.",
      "Set both; or neither, for the credentials that the machine gives.",
    );
  }
  const sessionToken = values.AWS_SESSION_TOKEN;
  return {
    ...url,
    region: values.AWS_REGION,
    endpointUrl,
    isPathStyle: pathStyle === undefined ? endpointUrl !== undefined : pathStyle === "yes",
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  };
}

function externalIssuer(values: z.infer<typeof environmentSchema>): Config["externalIssuer"] {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_KEYS_URL: keysUrl } = values;
  if (issuer === undefined) return undefined;
  if (audience === undefined) {
    return fail(
      "unusable_configuration",
      "OIDC_AUDIENCE is not set.",
      "Set it to the client id that the provider gave you.",
    );
  }
  if (values.NODE_ENV === "production" && [issuer, keysUrl ?? issuer].some((url) => !url.startsWith("https://"))) {
    return fail("unusable_configuration", "OIDC_ISSUER has no TLS.", "In production its URLs begin with https://.");
  }
  return { issuer, audience, keysUrl };
}
