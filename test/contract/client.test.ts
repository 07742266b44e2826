import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv } from "ajv";
import { createClient } from "../../src/publishing/client.ts";
import { refreshPair } from "../../src/publishing/credentials.ts";
import { endpoints } from "../../src/publishing/endpoints.ts";
import { startGohighlevelSandbox } from "../../src/sandbox/gohighlevel/server.ts";

const folder = process.env.GHL_OPENAPI_DIR ?? "";
if (!existsSync(join(folder, "v3", "emails-v3.json"))) {
  throw new Error("Set GHL_OPENAPI_DIR to the folder of GoHighLevel's OpenAPI files: v3/emails-v3.json is not there.");
}

const locationId = "ve9EPM428h8vShlRW1KT";
const base = "https://specification";

type Parameter = { name: string; in: string; required?: boolean };
type Media = Record<string, { schema: object }>;
type Operation = {
  parameters?: Parameter[];
  requestBody?: { content: Media };
  responses: Record<string, { content?: Media }>;
};
type Document = { name: string; paths: Record<string, Record<string, Operation>> };
type Exchange = {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: unknown;
  status: number;
  answer: unknown;
};

const names = [
  "v3/emails-v3.json",
  "v3/oauth-v3.json",
  "locations.json",
  "workflows.json",
  "opportunities.json",
  "forms.json",
];

test("every request of the client, and every answer it gets, keeps to GoHighLevel's OpenAPI files", async () => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const common = JSON.parse(await readFile(join(folder, "common/common-schemas.json"), "utf8"));
  ajv.addSchema(common, `${base}/common/common-schemas.json`);
  ajv.addSchema(common, `${base}/v3/common/common-schemas.json`);
  const documents: Document[] = [];
  for (const name of names) {
    const document = JSON.parse(await readFile(join(folder, name), "utf8"));
    ajv.addSchema(document, `${base}/${name}`);
    documents.push({ name, paths: document.paths });
  }

  const exchanges = await exchangesOfTheClient();
  const called = new Set<string>();
  for (const exchange of exchanges) {
    const { document, path, operation } = findOperation(documents, exchange);
    const where = `${exchange.method} ${path}`;
    called.add(where);
    const pointer = (...parts: string[]) =>
      `${base}/${document.name}#/${["paths", path, exchange.method.toLowerCase(), ...parts]
        .map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"))
        .join("/")}`;
    const problems = (ref: string, value: unknown) => {
      const validate = ajv.compile({ $ref: ref });
      return validate(value) ? [] : validate.errors;
    };
    if (operation.requestBody !== undefined) {
      const ref = pointer("requestBody", "content", "application/json", "schema");
      expect([where, problems(ref, exchange.body)]).toEqual([where, []]);
    }
    const queries = (operation.parameters ?? []).filter((parameter) => parameter.in === "query");
    const unknown = [...exchange.url.searchParams.keys()].filter(
      (name) => !queries.some((query) => query.name === name),
    );
    const missing = queries.filter((query) => query.required && !exchange.url.searchParams.has(query.name));
    expect([where, unknown, missing]).toEqual([where, [], []]);
    const ref = pointer("responses", String(exchange.status), "content", "application/json", "schema");
    expect([where, problems(ref, exchange.answer)]).toEqual([where, []]);
  }
  // One for each endpoint, archiving being an update, and the renewal of tokens.
  expect(called.size).toBe(Object.keys(endpoints).length + 1);
});

/** Calls each method of the client once, against the stand-in, and keeps what went over the line. */
async function exchangesOfTheClient(): Promise<Exchange[]> {
  const sandbox = await startGohighlevelSandbox({
    tokens: [
      { token: "pit", locationIds: [locationId] },
      { token: "access", kind: "oauth", refreshToken: "refresh", locationIds: [locationId] },
    ],
    apps: [{ clientId: "app", clientSecret: "secret" }],
  });
  const seen: Exchange[] = [];
  const realFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const response = await realFetch(input, init);
    const url = new URL(String(input));
    if (!url.pathname.startsWith("/storage/")) {
      seen.push({
        method: init?.method ?? "GET",
        url,
        headers: init?.headers as Record<string, string>,
        body: typeof init?.body === "string" ? JSON.parse(init.body) : undefined,
        status: response.status,
        answer: await response.clone().json(),
      });
    }
    return response;
  };
  const options = { baseUrl: sandbox.url, userAgent: "landfall-test/1", timeoutMs: 5_000 };
  try {
    const client = createClient({ ...options, token: "pit", locationId });
    const fields = { name: "N", subjectLine: "S", previewText: "P", editorType: "html" as const, editorContent: "<p>" };
    const made = await client.createFolder("F");
    const folderId = made.class === "done" ? made.data.id : "";
    const template = await client.createTemplate(fields, folderId);
    const id = template.class === "done" ? template.data.id : "";
    await client.listTemplates({ offset: 0, archived: false, include: "templates", search: "N" });
    await client.listTemplates({ offset: 0, archived: true, include: "folders", folderId });
    await client.getTemplate(id);
    await client.updateTemplate(id, { ...fields, archived: false });
    await client.archiveTemplate(id);
    const value = await client.createCustomValue({ name: "N", value: "V" });
    const valueId = value.class === "done" ? value.data.customValue.id : "";
    await client.listCustomValues();
    await client.getCustomValue(valueId);
    await client.updateCustomValue(valueId, { name: "N", value: "W" });
    await client.createTag("journey:n");
    await client.listTags();
    await client.listForms(0);
    await client.listWorkflows();
    await client.listPipelines();
    const pair = {
      oauthClientId: "app",
      oauthClientSecret: "secret",
      refreshToken: "refresh",
      accessToken: "",
      expiresAt: 0,
    };
    await refreshPair(options, pair);
    return seen;
  } finally {
    globalThis.fetch = realFetch;
    await sandbox.close();
  }
}

function findOperation(documents: Document[], { method, url, headers }: Exchange) {
  const wantsV3 = headers.Version === "v3";
  for (const document of documents) {
    if (document.name.startsWith("v3/") !== wantsV3) continue;
    // What is written out comes before what a parameter stands for: `/folders` is no template's id.
    const paths = Object.keys(document.paths).sort((one, other) => one.split("{").length - other.split("{").length);
    for (const path of paths) {
      const operation = document.paths[path]?.[method.toLowerCase()];
      const pattern = new RegExp(`^${path.replace(/\{[^}]+\}/g, "[^/]+")}$`);
      if (operation !== undefined && pattern.test(url.pathname)) return { document, path, operation };
    }
  }
  throw new Error(`no document has ${method} ${url.pathname} under version ${headers.Version}`);
}
