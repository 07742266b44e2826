import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Config, environmentSchema, loadConfig, projectDir } from "../../src/config.ts";
import { connectionUrls } from "../../src/database/connections.ts";
import { loginPassword } from "../../src/database/urls.ts";

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "landfall-config-"));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const secret = "a secret of the tests alone, long enough to be one";
const load = (variables: Record<string, string> = {}): Config =>
  loadConfig({ LANDFALL_DATA_DIR: dataDir, ...variables });

describe("configuration", () => {
  test("can be read from nothing, with secrets that are made once and closed to others", () => {
    const first = load();
    expect(first.secretKey.length).toBeGreaterThanOrEqual(32);
    expect(first.jwt.secret).not.toBe(first.secretKey);
    expect(load()).toEqual(first);
    expect(statSync(join(dataDir, "secrets.json")).mode & 0o777).toBe(0o600);
  });

  test("can take its data folder relative to the project", () => {
    const { dataDir: folder } = loadConfig({
      LANDFALL_DATA_DIR: "some/where",
      LANDFALL_SECRET_KEY: secret,
      JWT_SECRET: secret,
    });
    expect(folder).toBe(join(projectDir, "some", "where"));
    expect(isAbsolute(folder)).toBe(true);
  });

  test.each([
    ["24h", 86_400],
    ["90m", 5_400],
    ["2d", 172_800],
    ["45s", 45],
    ["600", 600],
  ])("can read how long a sign-in lasts: %s", (text, seconds) => {
    expect(load({ JWT_EXPIRES_IN: text }).jwt.expiresInSeconds).toBe(seconds);
  });

  test("can tell whether the stand-in for GoHighLevel is wanted", () => {
    expect(load().gohighlevel).toMatchObject({ isSandbox: true, baseUrl: "http://127.0.0.1:3002" });
    expect(load({ GHL_API_KEY: "pit-x" }).gohighlevel).toMatchObject({
      isSandbox: false,
      baseUrl: "https://services.leadconnectorhq.com",
    });
    const production = {
      NODE_ENV: "production",
      DATABASE_URL: "postgres://a@b/c",
      JWT_SECRET: secret,
      LANDFALL_SECRET_KEY: secret,
    };
    expect(load(production).gohighlevel.isSandbox).toBe(false);
  });

  test("can leave a variable blank for its default", () => {
    expect(load({ API_PORT: "", DATABASE_URL: " " })).toEqual(load());
  });

  test("cannot run in production without secrets and a database, and names all of them [LF050]", () => {
    expect(() => load({ NODE_ENV: "production" })).toThrow(/DATABASE_URL and JWT_SECRET and LANDFALL_SECRET_KEY/);
  });

  test.each([
    ["JWT_SECRET", "short"],
    ["LANDFALL_SECRET_KEY", "short"],
    ["DATABASE_URL", "mysql://a@b/c"],
    ["API_PORT", "65536"],
    ["API_BASE_URL", "localhost"],
    ["JWT_EXPIRES_IN", "soon"],
    ["LANDFALL_ROLE_PREFIX", "Land-Fall"],
    ["PG_MAJOR", "15"],
    ["DATABASE_SSL_MODE", "maybe"],
    ["AIRTABLE_BASE_ID", "tbl123"],
    ["LOG_LEVEL", "loud"],
    ["NODE_ENV", "staging"],
    ["WORKER_CONCURRENCY", "0"],
    ["LANDFALL_FILES_URL", "https://files.example.com"],
    ["LANDFALL_FILES_URL", "s3://Files"],
    ["LANDFALL_FILES_URL", "s3://files/a b"],
    ["LANDFALL_FILES_URL", "s3://files/../a"],
    ["LANDFALL_FILES_URL", "s3://key:secret@files/a"],
    ["LANDFALL_FILES_PATH_STYLE", "true"],
    ["AWS_ENDPOINT_URL_S3", "minio:9000"],
  ])("cannot take a wrong value of %s, and does not repeat it [LF050]", (name, value) => {
    const wrong = value.replace(/\W/g, ".");
    expect(() => load({ [name]: value })).toThrow(
      expect.objectContaining({ code: "LF050", message: expect.stringContaining(name) }),
    );
    if (name.includes("SECRET")) expect(() => load({ [name]: value })).not.toThrow(new RegExp(wrong));
  });

  test("can be told a bucket for files, by one URL and the usual variables", () => {
    expect(load().files).toEqual({ folder: join(dataDir, "files"), bucket: undefined });
    // What other programs on the machine need names no bucket.
    expect(load({ AWS_ACCESS_KEY_ID: "AKIA", AWS_REGION: "eu-central-1" }).files.bucket).toBeUndefined();
    const bucket = (variables: Record<string, string>) => load(variables).files.bucket;
    expect(bucket({ LANDFALL_FILES_URL: "s3://files" })).toEqual({
      name: "files",
      prefix: "",
      region: "us-east-1",
      endpointUrl: undefined,
      isPathStyle: false,
      credentials: undefined,
    });
    const elsewhere = {
      LANDFALL_FILES_URL: "s3://of.harbour/landfall/files/",
      AWS_ENDPOINT_URL_S3: "http://minio:9000/",
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "AKIA",
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_SESSION_TOKEN: "token",
    };
    expect(bucket(elsewhere)).toEqual({
      name: "of.harbour",
      prefix: "landfall/files",
      region: "eu-central-1",
      endpointUrl: "http://minio:9000",
      isPathStyle: true,
      credentials: { accessKeyId: "AKIA", secretAccessKey: "secret", sessionToken: "token" },
    });
    expect(bucket({ ...elsewhere, LANDFALL_FILES_PATH_STYLE: "no" })?.isPathStyle).toBe(false);
  });

  test("cannot take half of a key for the bucket, and does not repeat it [LF050]", () => {
    const half = { LANDFALL_FILES_URL: "s3://files", AWS_SECRET_ACCESS_KEY: "half-of-a-key" };
    expect(() => load(half)).toThrow(/Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set alone/);
    expect(() => load(half)).not.toThrow(/half-of-a-key/);
  });

  test("cannot read damaged secrets, and overwrites nothing [LF054]", () => {
    const folder = mkdtempSync(join(dataDir, "damaged-"));
    writeFileSync(join(folder, "secrets.json"), '{"jwtSecret": "x"');
    expect(() => load({ LANDFALL_DATA_DIR: folder })).toThrow(expect.objectContaining({ code: "LF054" }));
    expect(readFileSync(join(folder, "secrets.json"), "utf8")).toBe('{"jwtSecret": "x"');
  });

  test("can be looked up in .env.example, every variable of it, one line each", () => {
    const lines = readFileSync(join(projectDir, ".env.example"), "utf8").split("\n");
    const named = lines.map((line) => /^([A-Z0-9_]+)=/.exec(line)?.[1]).filter((name) => name !== undefined);
    expect([...named].sort()).toEqual(Object.keys(environmentSchema.shape).sort());
    for (const [index, line] of lines.entries()) {
      if (/^[A-Z0-9_]+=/.test(line)) expect(lines[index - 1]).toMatch(/^# \S/);
    }
  });
});

describe("connection strings", () => {
  const secrets = { LANDFALL_SECRET_KEY: secret, JWT_SECRET: secret };
  const urlsOf = (variables: Record<string, string>) => connectionUrls(load({ ...secrets, ...variables }));
  const userOf = (url: string) => new URL(url).username;

  test("can be derived from an administrator's alone", () => {
    const urls = urlsOf({ DATABASE_URL: "postgres://admin:pw@db.test:5433/app" });
    expect(urls.admin).toBe("postgres://admin:pw@db.test:5433/app");
    expect(userOf(urls.api)).toBe("landfall_authenticator");
    expect(userOf(urls.worker)).toBe("landfall_worker");
    expect([urls.read, urls.listen]).toEqual([urls.api, urls.api]);
    for (const url of [urls.api, urls.worker]) {
      expect(new URL(url).host).toBe("db.test:5433");
      expect(new URL(url).password).not.toBe("pw");
    }
  });

  test("can be given each by itself", () => {
    const given = {
      DATABASE_URL: "postgres://api:1@pool.test/app",
      DATABASE_READ_URL: "postgres://api:1@replica.test/app",
      DATABASE_LISTEN_URL: "postgres://api:1@direct.test/app",
      DATABASE_WORKER_URL: "postgres://worker:2@direct.test/app",
      DATABASE_OWNER_URL: "postgres://owner:3@direct.test/app",
    };
    expect(urlsOf(given)).toEqual({
      admin: given.DATABASE_OWNER_URL,
      api: given.DATABASE_URL,
      read: given.DATABASE_READ_URL,
      listen: given.DATABASE_LISTEN_URL,
      worker: given.DATABASE_WORKER_URL,
    });
  });

  test("can leave out the authenticator's password, which comes out of the secret key", () => {
    const urls = urlsOf({ DATABASE_URL: "postgres://landfall_authenticator@db.test/app" });
    expect(urls.admin).toBeUndefined();
    expect(new URL(urls.api).password).toBe(loginPassword(secret, "landfall_authenticator"));
  });

  test("can carry DATABASE_SSL_MODE, unless they say it themselves", () => {
    const { api, worker } = urlsOf({
      DATABASE_URL: "postgres://admin@db.test/app",
      DATABASE_WORKER_URL: "postgres://worker@db.test/app?sslmode=disable",
      DATABASE_SSL_MODE: "require",
    });
    expect(new URL(api).searchParams.get("sslmode")).toBe("require");
    expect(new URL(worker).searchParams.get("sslmode")).toBe("disable");
  });
});
