import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createPool } from "../../src/database/pools.ts";
import { withIdentity } from "../../src/database/with_identity.ts";
import {
  ChangePasswordDocument,
  CurrentUserDocument,
  SignInDocument,
  SignOutDocument,
  SwitchTenantDocument,
} from "../../src/generated/documents/graphql.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const signIn = (email: string, password: string) =>
  api.ask(
    "mutation ($email: String!, $password: String!) { signIn(input: { email: $email, password: $password }) { token } }",
    { email, password },
  );

describe("signing in", () => {
  test("can sign in, whatever the case of the address, and is told who one is", async () => {
    const { signIn } = await api.run(SignInDocument, { email: " Editor@Harbour.test ", password: PASSWORD });
    expect(signIn).toMatchObject({
      role: "editor",
      mustChangePassword: false,
      user: { email: "editor@harbour.test" },
      tenant: { slug: "harbour" },
    });
    const { currentUser } = await api.run(CurrentUserDocument, {}, signIn?.token);
    expect(currentUser).toMatchObject({
      role: "editor",
      user: { email: "editor@harbour.test" },
      memberships: [{ tenantSlug: "harbour", role: "editor" }],
    });
  });

  test("can ask for anything of one's own in the answer to signIn", async () => {
    const { data } = await api.ask(
      `mutation { signIn(input: { email: "viewer@harbour.test", password: "${PASSWORD}" }) { query { tenants { nodes { slug } } } } }`,
    );
    expect(data.signIn.query.tenants.nodes).toEqual([{ slug: "harbour" }]);
  });

  test("can ask who one is as a visitor, who is nobody", async () => {
    expect(await api.run(CurrentUserDocument, {})).toEqual({ currentUser: null });
  });

  test("cannot sign in with a wrong password: LF040", async () => {
    const answer = await signIn("viewer@harbour.test", "not the password");
    expect(codeOf(answer)).toBe("LF040");
    expect(answer.errors[0]?.extensions.hint).toMatch(/admin/);
  });

  test("cannot tell an unknown address from a wrong password: LF040", async () => {
    const known = await signIn("client@harbour.test", "not the password");
    const unknown = await signIn("nobody@harbour.test", "not the password");
    const without = ({ errors }: typeof known) =>
      errors.map(({ extensions: { requestId: _, ...rest }, ...error }) => [error, rest]);
    expect(without(unknown)).toEqual(without(known));
  });

  test("cannot tell an unknown address by the parameters: the same salt every time, another for every address", async () => {
    const parameters = async (email: string) =>
      (
        await api.database.query<{ salt: Buffer }>("select salt from app.password_parameters($1, $2, '{}')", [
          email,
          Buffer.from("fallback"),
        ])
      )[0]?.salt;
    expect(await parameters("nobody@harbour.test")).toEqual(Buffer.from("fallback"));
    expect(await parameters("viewer@harbour.test")).toHaveLength(16);
  });

  test("cannot read hashes as the API's login: 42501", async () => {
    const client = new (await import("pg")).default.Client({ connectionString: api.database.urls.authenticator });
    await client.connect();
    await expect(client.query("select * from app_private.passwords")).rejects.toMatchObject({ code: "42501" });
    await client.end();
    expect(await api.database.query("select from app_private.passwords")).not.toHaveLength(0);
  });

  test("cannot sign in after five failures, even with the right password, known or not: LF042", async () => {
    await api.addPerson("harbour", "clumsy@harbour.test", "viewer");
    for (const email of ["clumsy@harbour.test", "ghost@harbour.test"]) {
      for (let attempt = 1; attempt <= 5; attempt++) expect(codeOf(await signIn(email, "wrong"))).toBe("LF040");
      const answer = await signIn(email, PASSWORD);
      expect(codeOf(answer)).toBe("LF042");
      expect(answer.errors[0]?.extensions.hint).toMatch(/^Wait \d+ seconds/);
    }
  });

  test("can sign in again once the wait is over, and each failure after that doubles the wait", async () => {
    await api.addPerson("harbour", "hasty@harbour.test", "viewer");
    const wait = async () => {
      const [row] = await api.database.query<{ seconds: number }>(
        `select round(extract(epoch from locked_until - now()) / 30)::integer * 30 as seconds
         from app_private.sign_in_failures where email_hash = app_private.email_hash('hasty@harbour.test')`,
      );
      return row?.seconds;
    };
    const endWait = () =>
      api.database.query(
        "update app_private.sign_in_failures set locked_until = now() where email_hash = app_private.email_hash('hasty@harbour.test')",
      );
    for (let attempt = 1; attempt <= 5; attempt++) await signIn("hasty@harbour.test", "wrong");
    expect(await wait()).toBe(30);
    await endWait();
    expect(codeOf(await signIn("hasty@harbour.test", "wrong"))).toBe("LF040");
    expect(await wait()).toBe(60);
    await endWait();
    expect((await signIn("hasty@harbour.test", PASSWORD)).errors).toEqual([]);
    expect(await wait()).toBeUndefined();
  });

  test("cannot guess faster by guessing at once: the sixth of twenty is locked out", async () => {
    await api.addPerson("harbour", "target@harbour.test", "viewer");
    const answers = await Promise.all(Array.from({ length: 20 }, () => signIn("target@harbour.test", "wrong")));
    const codes = answers.map(codeOf);
    expect(codes.filter((code) => code === "LF040")).toHaveLength(5);
    // On a busy machine some wait for their turn longer than a statement, a lock or a connection may be waited for, and are sent away untried.
    expect(codes.filter((code) => ["LF042", "LF906", "LF907", "LF908"].includes(String(code)))).toHaveLength(15);
  });
});

describe("several tenants", () => {
  test("cannot sign in without naming one: LF043, which lists them", async () => {
    await api.addPerson("harbour", "both@example.test", "viewer");
    await api.addPerson("meadow", "both@example.test", "editor");
    const answer = await signIn("both@example.test", PASSWORD);
    expect(codeOf(answer)).toBe("LF043");
    expect(answer.errors[0]?.extensions.hint).toContain("harbour, meadow");
  });

  test("cannot sign in to a tenant that one does not belong to: LF041", async () => {
    await expect(api.signIn("viewer@harbour.test", "meadow")).rejects.toThrow("You do not belong to");
    await expect(api.signIn("viewer@harbour.test", "nowhere")).rejects.toThrow("You do not belong to");
  });

  test("can switch; the old token no longer counts, and the session ends no later", async () => {
    const before = await api.run(SignInDocument, {
      email: "both@example.test",
      password: PASSWORD,
      tenantSlug: "harbour",
    });
    const token = before.signIn?.token;
    const { switchTenant } = await api.run(SwitchTenantDocument, { tenantSlug: "meadow" }, token);
    expect(switchTenant).toMatchObject({
      role: "editor",
      tenant: { slug: "meadow" },
      expiresAt: before.signIn?.expiresAt,
    });
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, token))).toBe("LF046");
    const { currentUser } = await api.run(CurrentUserDocument, {}, switchTenant?.token);
    expect(currentUser?.memberships.map((membership) => membership.tenantSlug)).toEqual(["harbour", "meadow"]);
  });

  test("cannot switch to a tenant of others: LF041, and stays where one is", async () => {
    const token = await api.signIn("viewer@harbour.test");
    await expect(api.run(SwitchTenantDocument, { tenantSlug: "meadow" }, token)).rejects.toThrow("[LF041]");
    expect(await api.run(CurrentUserDocument, {}, token)).toMatchObject({
      currentUser: { tenant: { slug: "harbour" } },
    });
  });
});

describe("the end of a session", () => {
  test("cannot go on after signOut: LF046", async () => {
    const token = await api.signIn("viewer@harbour.test");
    expect(await api.run(SignOutDocument, {}, token)).toEqual({ signOut: { endedSessions: 1 } });
    const answer = await api.ask("{ currentUser { role } }", {}, token);
    expect(answer.status).toBe(401);
    expect(codeOf(answer)).toBe("LF046");
  });

  test("can sign out everywhere", async () => {
    await api.addPerson("harbour", "many@harbour.test", "viewer");
    const tokens = [await api.signIn("many@harbour.test"), await api.signIn("many@harbour.test")];
    const { signOut } = await api.run(SignOutDocument, { everywhere: true }, tokens[0]);
    expect(signOut?.endedSessions).toBe(2);
    for (const token of tokens) expect(codeOf(await api.ask("{ currentUser { role } }", {}, token))).toBe("LF046");
  });

  test("cannot sign out as a visitor: LF001", async () => {
    await expect(api.run(SignOutDocument, {})).rejects.toThrow("[LF001]");
  });

  test.each([
    ["the membership is removed", "delete from tenancy.memberships where user_id = $1"],
    ["the person is disabled", "update tenancy.users set is_active = false where id = $1"],
    ["the session is over", "update tenancy.sessions set expires_at = now() where user_id = $1"],
  ])("cannot go on when %s: LF046", async (_reason, sql) => {
    const email = `leaver${Math.random()}@harbour.test`;
    const id = await api.addPerson("harbour", email, "editor");
    const token = await api.signIn(email);
    await api.database.query(sql, [id]);
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, token))).toBe("LF046");
  });

  test("can go on with another role the moment it is given, without a new token", async () => {
    const id = await api.addPerson("harbour", "risen@harbour.test", "viewer");
    const token = await api.signIn("risen@harbour.test");
    await api.database.query("update tenancy.memberships set role = 'admin' where user_id = $1", [id]);
    expect(await api.run(CurrentUserDocument, {}, token)).toMatchObject({ currentUser: { role: "admin" } });
  });
});

describe("changing the password", () => {
  test("can change it, which ends the other sessions and not this one", async () => {
    await api.addPerson("harbour", "careful@harbour.test", "viewer");
    const [token, other] = [await api.signIn("careful@harbour.test"), await api.signIn("careful@harbour.test")];
    await api.run(ChangePasswordDocument, { currentPassword: PASSWORD, newPassword: "ships without a harbour" }, token);
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, other))).toBe("LF046");
    expect(codeOf(await api.ask("{ currentUser { role } }", {}, token))).toBeUndefined();
    expect(codeOf(await signIn("careful@harbour.test", PASSWORD))).toBe("LF040");
    expect((await signIn("careful@harbour.test", "ships without a harbour")).errors).toEqual([]);
  });

  test("cannot change it without the old one: LF040", async () => {
    const token = await api.signIn("admin@harbour.test");
    const variables = { currentPassword: "a guess", newPassword: "a long enough password" };
    await expect(api.run(ChangePasswordDocument, variables, token)).rejects.toThrow("[LF040]");
  });

  test("cannot take a short one: LF047", async () => {
    const token = await api.signIn("admin@harbour.test");
    const variables = { currentPassword: PASSWORD, newPassword: "short" };
    await expect(api.run(ChangePasswordDocument, variables, token)).rejects.toThrow("[LF047]");
  });
});

describe("a password that somebody else made", () => {
  const email = "new@harbour.test";
  const own = "a password of my own choosing";

  beforeAll(async () => {
    const id = await api.addPerson("harbour", email, "editor");
    await api.database.query("update app_private.passwords set is_one_time = true where user_id = $1", [id]);
  });

  test("cannot open anything but the way to one's own: LF049", async () => {
    const { signIn } = await api.run(SignInDocument, { email, password: PASSWORD });
    expect(signIn?.mustChangePassword).toBe(true);
    const token = signIn?.token ?? "";
    for (const query of [
      "{ currentUser { role } }",
      "{ clients { totalCount } }",
      'mutation { createClient(input: { client: { name: "x", slug: "x" } }) { client { id } } }',
      'mutation { switchTenant(input: { tenantSlug: "harbour" }) { token } }',
      `mutation { changePassword(input: { currentPassword: "x", newPassword: "${own}" }) { user { id } } signOut { endedSessions } }`,
      `mutation A { changePassword(input: { currentPassword: "x", newPassword: "${own}" }) { user { id } } } query B { clients { totalCount } }`,
    ]) {
      const answer = await api.ask(query, {}, token);
      expect([query, answer.status, codeOf(answer)]).toEqual([query, 403, "LF049"]);
    }
    const changed = await api.ask(
      `mutation { changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "${own}" }) { user { email } query { clients { totalCount } } } }`,
      {},
      token,
    );
    expect(changed.data.changePassword).toMatchObject({ user: { email }, query: { clients: { totalCount: 0 } } });
    expect(await api.run(CurrentUserDocument, {}, token)).toMatchObject({ currentUser: { role: "editor" } });
  });

  test("cannot open anything in the database either, whatever the API says", async () => {
    const id = await api.addPerson("harbour", "newest@harbour.test", "viewer");
    const token = await api.signIn("newest@harbour.test");
    await api.database.query("update app_private.passwords set is_one_time = true where user_id = $1", [id]);
    const { sid, sub, tid } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    const caller = {
      kind: "user",
      rolePrefix: "landfall",
      role: "viewer",
      userId: sub,
      tenantId: tid,
      sessionId: sid,
    } as const;
    const pool = createPool(api.database.urls.authenticator, { applicationName: "landfall tests", max: 1 });
    const { rows } = await withIdentity(pool, caller, (client) =>
      client.query(
        "select app.current_app_role() as role, (select count(*)::integer from tenancy.memberships) as people",
      ),
    );
    expect(rows).toEqual([{ role: null, people: 0 }]);
    await pool.end();
  });
});
