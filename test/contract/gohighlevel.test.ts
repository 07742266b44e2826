import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { z } from "zod";
import { type Sandbox, startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";

// GoHighLevel's OpenAPI files are its own and not committed, so these tests have a command of their own: npm run test:contract.
const folder = process.env.GHL_OPENAPI_DIR ?? "";
if (!existsSync(join(folder, "v3", "emails-v3.json"))) {
  throw new Error("Set GHL_OPENAPI_DIR to the folder of GoHighLevel's OpenAPI files: v3/emails-v3.json is not there.");
}

const location = "ve9EPM428h8vShlRW1KT";
const templates = "/emails/locations/{locationId}/templates";
const customValues = "/locations/{locationId}/customValues";
const tags = "/locations/{locationId}/tags";
const base = "https://specification";

/** Where the specification and reports from the field disagree, the stand-in does as the field does. */
const deviations = {
  pipelineStages: "the specification says that a stage is an array; it is an object with id, name and position",
  snippets: "the specification wants a snippet to fit exactly one of two schemas, and each fits both",
  listBuilders: "the specification shows one template; the field answers {builders, total}",
};

type Exchange = {
  document: string;
  method: string;
  path: string;
  id?: string;
  query?: string;
  body?: object;
  status: number;
};

describe("the stand-in keeps to GoHighLevel's OpenAPI files", () => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  let sandbox: Sandbox;

  beforeAll(async () => {
    for (const name of [
      "common/common-schemas.json",
      "v3/emails-v3.json",
      "v3/oauth-v3.json",
      "emails.json",
      "oauth.json",
      "locations.json",
      "workflows.json",
      "opportunities.json",
      "forms.json",
    ]) {
      ajv.addSchema(JSON.parse(await readFile(join(folder, name), "utf8")), `${base}/${name}`);
    }
    // The files of version 3 refer to a copy beside them that does not exist.
    ajv.addSchema(
      JSON.parse(await readFile(join(folder, "common/common-schemas.json"), "utf8")),
      `${base}/v3/common/common-schemas.json`,
    );
    sandbox = await startGohighlevelSandbox({
      tokens: [
        { token: "pit", locationIds: [location] },
        { token: "access", kind: "oauth", refreshToken: "refresh", locationIds: [location] },
      ],
      apps: [{ clientId: "app", clientSecret: "secret" }],
    });
    const seed = {
      locations: [{ id: location, name: "Bloom", timezone: "UTC" }],
      workflows: [
        { id: "w", locationId: location, name: "W", status: "draft", version: 1, createdAt: "", updatedAt: "" },
      ],
      pipelines: [{ id: "p", locationId: location, name: "P", stages: [], showInFunnel: true, showInPieChart: true }],
      forms: [{ id: "f", locationId: location, name: "F" }],
      snippets: ["sms", "email"].map((type) => ({
        id: type,
        locationId: location,
        name: "S",
        type,
        body: "B",
        dateAdded: "",
      })),
    };
    await fetch(`${sandbox.url}/__fake/seed`, { method: "POST", body: JSON.stringify(seed) });
  });

  afterAll(() => sandbox.close());

  function schemaAt(document: string, ...pointer: string[]): ValidateFunction {
    const encoded = pointer.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"));
    return ajv.compile({ $ref: `${base}/${document}#/${encoded.join("/")}` });
  }

  function expectValid(validate: ValidateFunction, value: unknown) {
    expect(validate(value) ? [] : validate.errors).toEqual([]);
  }

  async function exchange({ document, method, path, id, query = "", body, status }: Exchange) {
    const operation = ["paths", path, method];
    if (body !== undefined && status < 300) {
      expectValid(schemaAt(document, ...operation, "requestBody", "content", "application/json", "schema"), body);
    }
    const url = path.replace("{locationId}", location).replace(/\{(templateId|id|tagId)\}/, id ?? "");
    const response = await fetch(`${sandbox.url}${url}${query}`, {
      method: method.toUpperCase(),
      headers: {
        "User-Agent": "landfall-test/1",
        Version: document.startsWith("v3/") ? "v3" : "2021-07-28",
        Authorization: "Bearer pit",
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer = JSON.parse(await response.text());
    expect([response.status, status < 300 ? "" : answer.message]).toEqual([
      status,
      status < 300 ? "" : expect.anything(),
    ]);
    expectValid(
      schemaAt(document, ...operation, "responses", String(status), "content", "application/json", "schema"),
      answer,
    );
    return answer;
  }

  test("email templates and folders", async () => {
    const document = "v3/emails-v3.json";
    const made = await exchange({
      document,
      method: "post",
      path: `${templates}/folders`,
      body: { name: "F" },
      status: 201,
    });
    const body = { name: "T", editorType: "html", editorContent: "<p>1</p>", subjectLine: "S", previewText: "P" };
    const { id } = await exchange({
      document,
      method: "post",
      path: templates,
      body: { ...body, parentFolderId: made.id },
      status: 201,
    });
    await exchange({
      document,
      method: "get",
      path: templates,
      query: "?limit=20&offset=0&search=T&archived=false",
      status: 200,
    });
    await exchange({ document, method: "get", path: templates, query: "?include=folders", status: 200 });
    await exchange({ document, method: "get", path: `${templates}/{templateId}`, id, status: 200 });
    await exchange({
      document,
      method: "patch",
      path: `${templates}/{templateId}`,
      id,
      body: { ...body, archived: true },
      status: 200,
    });
    await exchange({ document, method: "post", path: templates, body: { name: 1 }, status: 422 });
    await exchange({ document, method: "delete", path: `${templates}/{templateId}`, id, status: 200 });
    await exchange({ document, method: "get", path: `${templates}/{templateId}`, id, status: 404 });
  });

  test("custom values", async () => {
    const document = "locations.json";
    const body = { name: "N", value: "V" };
    const { customValue } = await exchange({ document, method: "post", path: customValues, body, status: 201 });
    const { id } = customValue;
    await exchange({ document, method: "get", path: customValues, status: 200 });
    await exchange({ document, method: "get", path: `${customValues}/{id}`, id, status: 200 });
    await exchange({ document, method: "put", path: `${customValues}/{id}`, id, body, status: 200 });
    await exchange({ document, method: "post", path: customValues, body: { name: "N" }, status: 422 });
    await exchange({ document, method: "delete", path: `${customValues}/{id}`, id, status: 200 });
  });

  test("tags", async () => {
    const document = "locations.json";
    const { tag } = await exchange({ document, method: "post", path: tags, body: { name: "N" }, status: 200 });
    await exchange({ document, method: "get", path: tags, status: 200 });
    await exchange({ document, method: "get", path: `${tags}/{tagId}`, id: tag.id, status: 200 });
    await exchange({ document, method: "delete", path: `${tags}/{tagId}`, id: tag.id, status: 200 });
  });

  test("the builder of before version 3", async () => {
    const document = "emails.json";
    const body = { locationId: location, type: "html", importProvider: "mailchimp" };
    const { id } = await exchange({ document, method: "post", path: "/emails/builder", body, status: 201 });
    await exchange({
      document,
      method: "get",
      path: "/emails/builder",
      query: `?locationId=${location}&limit=10`,
      status: 200,
    });
    const data = { locationId: location, templateId: id, updatedBy: "u", html: "<p>1</p>", editorType: "html" };
    const dnd = { elements: [], attrs: {}, templateSettings: {} };
    await exchange({ document, method: "post", path: "/emails/builder/data", body: { ...data, dnd }, status: 201 });
    await exchange({ document, method: "delete", path: "/emails/builder/{locationId}/{templateId}", id, status: 200 });
  });

  test("snippets, each against the schema of its kind", async () => {
    const response = await fetch(`${sandbox.url}/locations/${location}/templates?originId=${location}`, {
      headers: { "User-Agent": "landfall-test/1", Version: "2021-07-28", Authorization: "Bearer pit" },
    });
    const { templates: snippets } = z
      .object({ templates: z.tuple([z.unknown(), z.unknown()]) })
      .parse(await response.json());
    expectValid(schemaAt("locations.json", "components", "schemas", "GetSmsTemplateResponseSchema"), snippets[0]);
    expectValid(schemaAt("locations.json", "components", "schemas", "GetEmailTemplateResponseSchema"), snippets[1]);
  });

  test("a token refreshed", async () => {
    const path = "/oauth/token";
    const body = { clientId: "app", clientSecret: "secret", grantType: "refresh_token", refreshToken: "refresh" };
    const { refreshToken } = await exchange({ document: "v3/oauth-v3.json", method: "post", path, body, status: 200 });
    const form = {
      client_id: "app",
      client_secret: "secret",
      grant_type: "refresh_token",
      refresh_token: refreshToken,
    };
    expectValid(
      schemaAt(
        "oauth.json",
        "paths",
        path,
        "post",
        "requestBody",
        "content",
        "application/x-www-form-urlencoded",
        "schema",
      ),
      form,
    );
    const response = await fetch(sandbox.url + path, {
      method: "POST",
      headers: { "User-Agent": "landfall-test/1" },
      body: new URLSearchParams(form),
    });
    expectValid(
      schemaAt("oauth.json", "paths", path, "post", "responses", "200", "content", "application/json", "schema"),
      await response.json(),
    );
  });

  test("what can only be read", async () => {
    const query = `?locationId=${location}`;
    await exchange({ document: "workflows.json", method: "get", path: "/workflows/", query, status: 200 });
    await exchange({
      document: "opportunities.json",
      method: "get",
      path: "/opportunities/pipelines",
      query,
      status: 200,
    });
    await exchange({ document: "forms.json", method: "get", path: "/forms/", query, status: 200 });
    await exchange({ document: "locations.json", method: "get", path: "/locations/{locationId}", status: 200 });
    expect(Object.keys(deviations)).toEqual(["pipelineStages", "snippets", "listBuilders"]);
  });
});
