/** Operators at the API: one session above the tenants, a few deeds, and no row of any tenant. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  ChangePasswordDocument,
  CreateTenantDocument,
  CurrentUserDocument,
  ReactivateTenantDocument,
  SignInDocument,
  SignOutDocument,
  SuspendTenantDocument,
  TenantsDocument,
} from "../../src/generated/documents/graphql.ts";
import { codeOf, PASSWORD, startTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let operator: string;

beforeAll(async () => {
  api = await startTestApi();
  await addOperator("ops@landfall.test");
  operator = await signIn("ops@landfall.test");
});
afterAll(() => api.close());

/** A person of a tenant who is an operator, too. */
async function addOperator(email: string): Promise<string> {
  const id = await api.addPerson("meadow", email, "viewer");
  await api.database.query("insert into tenancy.operators (user_id) values ($1)", [id]);
  return id;
}

async function signIn(email: string, password = PASSWORD): Promise<string> {
  const { signIn } = await api.run(SignInDocument, { email, password, asOperator: true });
  return signIn?.token as string;
}

const whoAmI = "{ currentUser { role } }";

describe("signing in", () => {
  test("can sign in above the tenants, and is told so", async () => {
    const { signIn } = await api.run(SignInDocument, {
      email: "ops@landfall.test",
      password: PASSWORD,
      asOperator: true,
    });
    expect(signIn).toMatchObject({ role: "operator", tenant: null, user: { email: "ops@landfall.test" } });
    expect(await api.run(CurrentUserDocument, {}, signIn?.token)).toMatchObject({
      currentUser: { role: "operator", tenant: null, user: { email: "ops@landfall.test" }, memberships: [] },
    });
  });

  test("can sign in to the own tenant as before, and is nothing else there", async () => {
    const token = await api.signIn("ops@landfall.test");
    expect((await api.ask(whoAmI, {}, token)).data.currentUser.role).toBe("viewer");
    await expect(api.run(SuspendTenantDocument, { slug: "harbour" }, token)).rejects.toThrow("[LF024]");
  });

  test.each([
    ["as somebody who is no operator", { email: "admin@harbour.test", asOperator: true }, "LF041"],
    ["with a wrong password", { email: "ops@landfall.test", password: "a guess", asOperator: true }, "LF040"],
    ["to a tenant at once", { email: "ops@landfall.test", asOperator: true, tenantSlug: "meadow" }, "LF009"],
  ])("cannot sign in %s", async (_case, variables, code) => {
    await expect(api.run(SignInDocument, { password: PASSWORD, ...variables })).rejects.toThrow(`[${code}]`);
  });
});

describe("the end of the session", () => {
  test.each([
    ["the operator is none any more", "delete from tenancy.operators where user_id = $1"],
    ["the person is disabled", "update tenancy.users set is_active = false where id = $1"],
    ["the session is over", "update tenancy.operator_sessions set expires_at = now() where user_id = $1"],
  ])("cannot go on when %s: LF046", async (_reason, sql) => {
    const email = `leaver${Math.random()}@landfall.test`;
    const id = await addOperator(email);
    const token = await signIn(email);
    expect(codeOf(await api.ask(whoAmI, {}, token))).toBeUndefined();
    await api.database.query(sql, [id]);
    expect(codeOf(await api.ask(whoAmI, {}, token))).toBe("LF046");
  });

  test("can sign out, everywhere with the sessions in tenants", async () => {
    await addOperator("many@landfall.test");
    const [first, second] = [await signIn("many@landfall.test"), await signIn("many@landfall.test")];
    const inTenant = await api.signIn("many@landfall.test");
    expect(await api.run(SignOutDocument, {}, first)).toEqual({ signOut: { endedSessions: 1 } });
    expect(await api.run(SignOutDocument, { everywhere: true }, inTenant)).toEqual({ signOut: { endedSessions: 2 } });
    for (const token of [first, second, inTenant]) expect(codeOf(await api.ask(whoAmI, {}, token))).toBe("LF046");
  });

  test("can change the password, which ends the other sessions and not this one", async () => {
    await addOperator("careful@landfall.test");
    const [token, other] = [await signIn("careful@landfall.test"), await signIn("careful@landfall.test")];
    const inTenant = await api.signIn("careful@landfall.test");
    await api.run(ChangePasswordDocument, { currentPassword: PASSWORD, newPassword: "ships above a harbour" }, token);
    for (const ended of [other, inTenant]) expect(codeOf(await api.ask(whoAmI, {}, ended))).toBe("LF046");
    expect(codeOf(await api.ask(whoAmI, {}, token))).toBeUndefined();
    await signIn("careful@landfall.test", "ships above a harbour");
  });
});

describe("tenants", () => {
  test("can be made with their first admin, whose one-time password opens the door, and are on record", async () => {
    const tenant = { slug: "lagoon", name: "Lagoon", adminEmail: "Ada@Lagoon.test", adminName: "Ada" };
    const { createTenant } = await api.run(CreateTenantDocument, { tenant }, operator);
    expect(createTenant).toMatchObject({ tenant: { slug: "lagoon", name: "Lagoon" } });
    const password = createTenant?.oneTimePassword as string;
    expect(password).toMatch(/^(\w{5}-){3}\w{5}$/);
    const { signIn } = await api.run(SignInDocument, { email: "ada@lagoon.test", password });
    expect(signIn).toMatchObject({
      role: "admin",
      mustChangePassword: true,
      // Nothing of it is seen before the password is one's own.
      tenant: null,
      user: { name: "Ada" },
    });
    expect(
      await api.database.query(
        `select d.deed, d.source, u.email, d.request_id is not null as has_request
         from audit.operator_deeds d join tenancy.users u on u.id = d.user_id where d.tenant_slug = 'lagoon'`,
      ),
    ).toEqual([{ deed: "tenant_created", source: "api", email: "ops@landfall.test", has_request: true }]);
    // The password is in no row and no record.
    expect(await api.database.query("select from audit.changes c where c::text ~ $1", [password])).toEqual([]);
  });

  test("can be given somebody who is known, who keeps their password", async () => {
    const tenant = { slug: "delta", name: "Delta", adminEmail: "viewer@harbour.test", adminName: "Another Name" };
    const { createTenant } = await api.run(CreateTenantDocument, { tenant }, operator);
    expect(createTenant?.oneTimePassword).toBeNull();
    const { signIn } = await api.run(SignInDocument, {
      email: "viewer@harbour.test",
      password: PASSWORD,
      tenantSlug: "delta",
    });
    expect(signIn).toMatchObject({ role: "admin", user: { name: "viewer@harbour.test" } });
  });

  test.each([
    ["a slug that is taken", { slug: "harbour" }, "LF020"],
    ["a slug of the wrong form", { slug: "Har.bour" }, "LF022"],
    ["a blank name", { name: " " }, "LF022"],
    ["an address of the wrong form", { adminEmail: "nobody" }, "LF022"],
  ])("cannot be made with %s, and nothing is left behind: %s", async (_case, wrong, code) => {
    const count =
      "select (select count(*) from tenancy.tenants) as tenants, (select count(*) from tenancy.users) as users";
    const before = await api.database.query(count);
    const tenant = { slug: "fresh", name: "Fresh", adminEmail: "new@fresh.test", ...wrong };
    await expect(api.run(CreateTenantDocument, { tenant }, operator)).rejects.toThrow(`[${code}]`);
    expect(await api.database.query(count)).toEqual(before);
  });

  test("can be listed, suspended and reactivated", async () => {
    const standing = async () => {
      const { tenants } = await api.run(TenantsDocument, { first: 100 }, operator);
      return tenants?.nodes.find((tenant) => tenant?.slug === "harbour");
    };
    expect(await standing()).toMatchObject({ isActive: true, suspendedAt: null, suspensionReason: null });
    const suspended = await api.run(SuspendTenantDocument, { slug: "harbour", reason: "unpaid" }, operator);
    expect(suspended).toMatchObject({ suspendTenant: { tenant: { slug: "harbour", isActive: false } } });
    expect(await standing()).toMatchObject({ isActive: false, suspensionReason: "unpaid" });
    const active = await api.run(ReactivateTenantDocument, { slug: "harbour" }, operator);
    expect(active).toMatchObject({ reactivateTenant: { tenant: { isActive: true } } });
    expect(await standing()).toMatchObject({ isActive: true, suspendedAt: null });
    await expect(api.run(SuspendTenantDocument, { slug: "nowhere" }, operator)).rejects.toThrow("[LF066]");
    const long = { slug: "harbour", reason: "x".repeat(501) };
    await expect(api.run(SuspendTenantDocument, long, operator)).rejects.toThrow("[LF009]");
  });

  test.each(["viewer", "editor", "admin", "client"])(
    "cannot be made, suspended or reactivated by a %s: LF024",
    async (role) => {
      const token = await api.signIn(`${role}@harbour.test`, "harbour");
      const tenant = { slug: "mine", name: "Mine", adminEmail: "me@mine.test" };
      await expect(api.run(CreateTenantDocument, { tenant }, token)).rejects.toThrow("[LF024]");
      await expect(api.run(SuspendTenantDocument, { slug: "meadow" }, token)).rejects.toThrow("[LF024]");
      await expect(api.run(ReactivateTenantDocument, { slug: "meadow" }, token)).rejects.toThrow("[LF024]");
      await expect(api.run(CreateTenantDocument, { tenant })).rejects.toThrow("[LF001]");
    },
  );
});

describe("an operator", () => {
  test("cannot read a row of any tenant, by any list of the API", async () => {
    const editor = await api.signIn("editor@harbour.test");
    await api.ask(
      'mutation { createClient(input: { client: { name: "Rosewood", slug: "rosewood" } }) { client { id } } }',
      {},
      editor,
    );
    const { data } = await api.ask(
      "{ __schema { queryType { fields { name args { name type { kind } } type { name fields { name } } } } } }",
    );
    type Field = {
      name: string;
      args: { type: { kind: string } }[];
      type: { name: string; fields: { name: string }[] };
    };
    const lists = (data.__schema.queryType.fields as Field[]).filter(
      ({ args, type }) =>
        type.fields?.some(({ name }) => name === "nodes") && args.every(({ type }) => type.kind !== "NON_NULL"),
    );
    expect(lists.length).toBeGreaterThan(25);
    const seen: string[] = [];
    for (const { name } of lists) {
      const answer = await api.ask(`{ ${name}(first: 100) { nodes { __typename } } }`, {}, operator);
      if (answer.errors.length > 0) expect(codeOf(answer)).toBe("LF024");
      else if (answer.data[name].nodes.length > 0) seen.push(name);
    }
    expect(seen.sort()).toEqual(["tenants", "users"]);
    const { data: people } = await api.ask("{ users { nodes { email } } }", {}, operator);
    expect(people.users.nodes).toEqual([{ email: "ops@landfall.test" }]);
    expect(codeOf(await api.ask("{ tenants { nodes { slug memberships { nodes { id } } } } }", {}, operator))).not.toBe(
      undefined,
    );
  });

  test("cannot switch to a tenant, nor do what belongs to one: LF008", async () => {
    const switching = 'mutation { switchTenant(input: { tenantSlug: "meadow" }) { token } }';
    expect(codeOf(await api.ask(switching, {}, operator))).toBe("LF008");
    const token = `mutation { setLocationToken(input: { clientId: "${crypto.randomUUID()}", token: "pit-1" }) { location { id } } }`;
    expect(codeOf(await api.ask(token, {}, operator))).toBe("LF008");
    const link = await fetch(`${api.url}/reports/imports/${crypto.randomUUID()}/link`, {
      method: "POST",
      headers: { authorization: `Bearer ${operator}` },
    });
    expect(link.status).toBe(403);
  });
});
