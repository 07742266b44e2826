import { randomBytes } from "node:crypto";
import type pg from "pg";
import { alterPassword } from "../../src/database/login_passwords.ts";
import { connectClient, createPool } from "../../src/database/pools.ts";
import { loginPassword } from "../../src/database/urls.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const [old, fresh] = [randomBytes(48).toString("base64url"), randomBytes(48).toString("base64url")];
const login = `two_passwords_${randomBytes(4).toString("hex")}`;

let database: TestDatabase;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.query(`create role ${login} login`);
  await database.query(`grant connect on database ${database.name} to ${login}`);
  const parsed = new URL(database.urls.admin);
  parsed.username = login;
  parsed.password = loginPassword(fresh, login);
  url = parsed.toString();
});

beforeEach(() => database.query(alterPassword(login, loginPassword(old, login))));

afterAll(async () => {
  await database.query(`drop owned by ${login}; drop role ${login}`);
  await database.drop();
});

/** So many connections at once. */
async function connectTogether(pool: pg.Pool, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()));
  for (const client of clients) client.release();
}

test("a pool that knows both keys goes on connecting while the password changes, to and fro", async () => {
  const pool = createPool(url, { applicationName: "two passwords", max: 6, previousSecretKey: old });
  try {
    await connectTogether(pool, 2);
    await database.query(alterPassword(login, loginPassword(fresh, login)));
    expect(pool.totalCount).toBe(2);
    // The two that are open stay, four are new.
    await connectTogether(pool, 6);
    expect(pool.totalCount).toBe(6);
    await database.query(alterPassword(login, loginPassword(old, login)));
    const ended = new Promise((resolve) => pool.on("remove", () => pool.totalCount === 0 && resolve(undefined)));
    await database.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [login]);
    await ended;
    await connectTogether(pool, 6);
    const client = await pool.connect();
    expect((await client.query("select session_user as name")).rows).toEqual([{ name: login }]);
    client.release();
  } finally {
    await pool.end();
  }
});

test("a client of its own connects with either", async () => {
  for (const key of [old, fresh]) {
    await database.query(alterPassword(login, loginPassword(key, login)));
    const client = await connectClient(url, { previousSecretKey: old });
    await client.end();
  }
});

test("who knows one key, or two wrong ones, cannot connect: 28P01", async () => {
  for (const previousSecretKey of [undefined, `${old}!`]) {
    const pool = createPool(url, { applicationName: "two passwords", previousSecretKey });
    await expect(pool.query("select 1")).rejects.toMatchObject({ code: "28P01" });
    await pool.end();
    await expect(connectClient(url, { previousSecretKey })).rejects.toMatchObject({ code: "28P01" });
  }
});
