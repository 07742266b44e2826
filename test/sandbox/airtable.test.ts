import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Airtable from "airtable";
import { fieldTypes } from "../../src/sandbox/airtable/field_types.ts";
import {
  type AirtableSandbox,
  type AirtableSandboxOptions,
  startAirtableSandbox,
} from "../../src/sandbox/airtable/server.ts";

const Client = createRequire(import.meta.url)("airtable") as typeof Airtable;
const apiKey = "patTest.of.the.sandbox";

let folder: string;
let sandbox: AirtableSandbox;
let now: number;

const attachment = {
  id: "attPlan0000000000",
  url: "https://example.com/plan.pdf",
  filename: "plan.pdf",
  size: 4,
  type: "application/pdf",
};

/** A cell of every type, as Airtable's API gives it. */
const cells: Record<string, unknown> = {
  aiText: { state: "generated", isStale: false, value: "A summary" },
  autoNumber: 7,
  barcode: { text: "4006381333931", type: "ean13" },
  button: { label: "Open", url: null },
  checkbox: true,
  count: 1,
  createdBy: { id: "usrA", email: "ada@example.com", name: "Ada" },
  createdTime: "2026-01-01T00:00:00.000Z",
  currency: 0,
  date: "2026-03-07",
  dateTime: "2026-03-07T14:05:00.000Z",
  duration: 5400.5,
  email: "not an address",
  externalSyncSource: "Jira",
  formula: { error: "#ERROR!" },
  lastModifiedBy: { id: "usrA", name: "Ada" },
  lastModifiedTime: "2026-01-02T00:00:00.000Z",
  manualSort: 1.5,
  multilineText: "two\nlines",
  multipleAttachments: [attachment],
  multipleCollaborators: [{ id: "usrA", email: "ada@example.com", name: "Ada" }],
  multipleLookupValues: ["x", null, { specialValue: "NaN" }],
  multipleRecordLinks: ["recOther000000001"],
  multipleSelects: ["Red", "Green"],
  number: 1.5,
  percent: 0.125,
  phoneNumber: "+49 30 1",
  rating: 3,
  richText: "**bold**",
  rollup: { specialValue: "Infinity" },
  singleCollaborator: { id: "usrA", email: "ada@example.com", name: "Ada" },
  singleLineText: "Zero",
  singleSelect: "Todo",
  url: "https://example.com",
};

const choices = ["Todo", "Red", "Green"].map((name) => ({ id: `sel${name}`, name }));
const optionsOf: Record<string, object> = {
  singleSelect: { choices },
  multipleSelects: { choices },
  multipleRecordLinks: { linkedTableId: "tblOther", inverseLinkFieldId: "fldBack" },
  count: { recordLinkFieldId: "fldmultipleRecordLinks" },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "landfall-stand-in-"));
  await mkdir(join(folder, "records"));
  await mkdir(join(folder, "attachments"));
  const all = {
    id: "tblAll",
    name: "All / of 100%",
    primaryFieldId: "fldsingleLineText",
    fields: [...Object.keys(cells), "invented"].map((type) => ({
      id: `fld${type}`,
      name: type,
      type,
      options: optionsOf[type],
    })),
    views: [
      {
        id: "viwNamed",
        name: "Named",
        type: "grid",
        filterByFormula: "{singleLineText} != ''",
        sort: [{ field: "number" }],
      },
    ],
  };
  const other = {
    id: "tblOther",
    name: "Other",
    primaryFieldId: "fldName",
    fields: [
      { id: "fldName", name: "Name", type: "singleLineText" },
      {
        id: "fldBack",
        name: "Back",
        type: "multipleRecordLinks",
        options: { linkedTableId: "tblAll", inverseLinkFieldId: "fldmultipleRecordLinks" },
      },
    ],
  };
  await writeFile(join(folder, "schema.json"), JSON.stringify({ baseId: "appAll", tables: [all, other] }));
  const lines = [
    { id: "recAll00000000001", createdTime: "2026-01-01T00:00:00.000Z", fields: cells },
    { id: "recAll00000000002", createdTime: "2026-01-02T00:00:00.000Z", fields: {} },
    ...Array.from({ length: 103 }, (_, index) => ({
      id: `recMany0000000${String(index).padStart(3, "0")}`,
      createdTime: "2026-01-03T00:00:00.000Z",
      fields: { singleLineText: `n${index}`, number: 200 - index },
    })),
  ];
  await writeFile(join(folder, "records", "tblAll.ndjson"), lines.map((line) => JSON.stringify(line)).join("\n"));
  const others = ["One", "Two"].map((Name, index) => ({
    id: `recOther00000000${index + 1}`,
    createdTime: "2026-01-01T00:00:00.000Z",
    fields: { Name, ...(index === 0 ? { Back: ["recAll00000000001"] } : {}) },
  }));
  await writeFile(join(folder, "records", "Other.ndjson"), others.map((line) => JSON.stringify(line)).join("\n"));
  await writeFile(join(folder, "attachments", attachment.id), "plan");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every request comes a second after the one before, unless a test says otherwise. */
const start = async (options: Partial<AirtableSandboxOptions> = {}) => {
  now = Date.UTC(2026, 10, 20);
  sandbox = await startAirtableSandbox({ folder, apiKey, now: () => now, ...options });
};

beforeEach(() => start());
afterEach(() => sandbox.close());

async function ask(
  path: string,
  { token = apiKey, method = "GET", body }: { token?: string | null; method?: string; body?: unknown } = {},
) {
  now += 1_000;
  const response = await fetch(`${sandbox.url}${path}`, {
    method,
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json" },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as never, headers: response.headers };
}

interface Listed {
  records: { id: string; fields: Record<string, unknown> }[];
  offset?: string;
}
const table = encodeURIComponent("All / of 100%");
const list = async (query: string) => (await ask(`/v0/appAll/tblAll?${query}`)).body as Listed;
const ids = ({ records }: Listed) => records.map(({ id }) => id);

describe("signing in", () => {
  test.each([
    [null, 401, { error: { type: "AUTHENTICATION_REQUIRED", message: "Authentication required" } }],
    ["patWrong", 401, { error: { type: "UNAUTHORIZED", message: "Invalid authentication token" } }],
  ])("cannot be done with %s", async (token, status, body) => {
    expect(await ask("/v0/appAll/tblAll", { token })).toMatchObject({ status, body });
  });

  test("can be limited to scopes: INVALID_PERMISSIONS", async () => {
    await sandbox.close();
    await start({ tokens: [{ token: "patReads", scopes: ["data.records:read"] }] });
    expect((await ask("/v0/appAll/tblAll", { token: "patReads" })).status).toBe(200);
    for (const [path, method] of [
      ["/v0/appAll/tblAll", "POST"],
      ["/v0/meta/bases", "GET"],
    ] as const) {
      expect(await ask(path, { token: "patReads", method, body: method === "GET" ? undefined : {} })).toMatchObject({
        status: 403,
        body: { error: { type: "INVALID_PERMISSIONS" } },
      });
    }
  });

  test("can refuse in every shape that Airtable has", async () => {
    expect(await ask("/v1/appAll/tblAll")).toMatchObject({ status: 404, body: { error: "NOT_FOUND" } });
    for (const path of ["/v0/appOther/tblAll", "/v0/appAll/tblNone"]) {
      expect(await ask(path)).toMatchObject({
        status: 403,
        body: { error: { type: "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND" } },
      });
    }
    expect(await ask("/v0/appAll/tblAll/recNone0000000000")).toMatchObject({
      status: 404,
      body: { error: { type: "NOT_FOUND" } },
    });
    expect(await ask("/v0/appAll/tblAll", { method: "POST", body: "{" })).toMatchObject({ status: 400 });
    expect(await ask("/v0/appAll/tblAll", { method: "POST", body: { x: "x".repeat(1_000_001) } })).toMatchObject({
      status: 413,
    });
    expect(await ask(`/v0/appAll/tblAll?filterByFormula=${"x".repeat(16_000)}`)).toMatchObject({ status: 414 });
  });
});

describe("the limit of five requests a second", () => {
  const burst = async (count: number) => {
    const statuses = [];
    for (let index = 0; index < count; index += 1) {
      now -= 1_000;
      statuses.push((await ask("/v0/appAll/Other")).status);
    }
    return statuses;
  };

  test("can punish the sixth for thirty seconds, and tells no time to wait", async () => {
    expect(await burst(7)).toEqual([200, 200, 200, 200, 200, 429, 429]);
    now += 28_000;
    const refused = await ask("/v0/meta/bases/appAll/tables");
    expect(refused).toMatchObject({ status: 429, body: { error: { type: "RATE_LIMIT_REACHED" } } });
    expect(refused.headers.get("retry-after")).toBeNull();
    expect((await ask("/v0/appAll/Other")).status).toBe(200);
  });

  test("can prolong the penalty for whoever asks within it, where that is wished", async () => {
    await sandbox.close();
    await start({ limits: { isPenaltyExtended: true } });
    await burst(6);
    now += 20_000;
    expect((await ask("/v0/appAll/Other")).status).toBe(429);
    now += 20_000;
    expect((await ask("/v0/appAll/Other")).status).toBe(429);
    now += 30_000;
    expect((await ask("/v0/appAll/Other")).status).toBe(200);
  });

  test("can count all bases of a token", async () => {
    await sandbox.close();
    await start({ limits: { perBase: 1_000, perToken: 3 } });
    expect(await burst(4)).toEqual([200, 200, 200, 429]);
  });

  test("can leave the metadata open when the month's calls are used up", async () => {
    sandbox.faults.isQuotaUsedUp = true;
    expect(await ask("/v0/appAll/Other")).toMatchObject({
      status: 429,
      body: { error: { type: "PUBLIC_API_BILLING_LIMIT_EXCEEDED" } },
    });
    expect((await ask("/v0/meta/bases/appAll/tables")).status).toBe(200);
  });
});

describe("lists", () => {
  test("can be read page by page, with no empty page at the end", async () => {
    const first = await list("pageSize=35");
    const second = await list(`pageSize=35&offset=${first.offset}`);
    expect(await list(`pageSize=35&offset=${first.offset}`)).toEqual(second);
    const third = await list(`pageSize=35&offset=${second.offset}`);
    expect(third.offset).toBeUndefined();
    expect(new Set([first, second, third].flatMap(ids)).size).toBe(105);
    expect(first.offset).toMatch(/^itr\w{14}\/rec\w{14}$/);
  });

  test("can freeze the order and read the values live", async () => {
    const first = await list("pageSize=50");
    await ask("/v0/appAll/tblAll/recMany0000000090", {
      method: "PATCH",
      body: { fields: { singleLineText: "changed" } },
    });
    await ask("/v0/appAll/tblAll/recMany0000000091", { method: "DELETE" });
    await ask("/v0/appAll/tblAll", { method: "POST", body: { fields: { singleLineText: "new" } } });
    const rest = [await list(`pageSize=50&offset=${first.offset}`)];
    rest.push(await list(`pageSize=50&offset=${rest[0]?.offset}`));
    const records = rest.flatMap((page) => page.records);
    expect(records.find(({ id }) => id === "recMany0000000090")?.fields.singleLineText).toBe("changed");
    expect(records.some(({ id }) => id === "recMany0000000091")).toBe(false);
    expect(records.some(({ fields }) => fields.singleLineText === "new")).toBe(false);
  });

  test("can lose an iterator: expired, after a restart, malformed", async () => {
    const { offset } = await list("pageSize=1");
    sandbox.restart();
    const gone = { status: 422, body: { error: { type: "LIST_RECORDS_ITERATOR_NOT_AVAILABLE" } } };
    expect(await ask(`/v0/appAll/tblAll?offset=${offset}`)).toMatchObject(gone);
    sandbox.faults.hasBareIteratorError = true;
    expect((await ask(`/v0/appAll/tblAll?offset=${offset}`)).body).toEqual({
      error: "LIST_RECORDS_ITERATOR_NOT_AVAILABLE",
    });
    const fresh = await list("pageSize=1");
    sandbox.advance(11 * 60_000);
    expect((await ask(`/v0/appAll/tblAll?offset=${fresh.offset}`)).status).toBe(422);
    expect(await ask("/v0/appAll/tblAll?offset=oops")).toMatchObject({
      status: 422,
      body: { error: { type: "INVALID_OFFSET_VALUE", message: "The value of offset oops is invalid" } },
    });
  });

  test.each([
    ["pageSize=0", "INVALID_REQUEST_UNKNOWN"],
    ["pageSize=101", "INVALID_REQUEST_UNKNOWN"],
    ["cellFormat=string", "INVALID_REQUEST_UNKNOWN"],
    ["fields[]=None", "UNKNOWN_FIELD_NAME"],
    ["sort[0][field]=None", "UNKNOWN_FIELD_NAME"],
    ["view=None", "VIEW_NAME_NOT_FOUND"],
    ["filterByFormula={None}", "INVALID_FILTER_BY_FORMULA"],
    ["filterByFormula=AND(", "INVALID_FILTER_BY_FORMULA"],
    ["filterByFormula=NOPE()", "INVALID_FILTER_BY_FORMULA"],
  ])("cannot be asked for with %s: %s", async (query, type) => {
    expect(await ask(`/v0/appAll/tblAll?${query}`)).toMatchObject({ status: 422, body: { error: { type } } });
  });

  test("can be cut, sorted, narrowed to fields, keyed by field ids, and shown as a view shows them", async () => {
    const sorted = await list("sort[0][field]=number&sort[0][direction]=desc&maxRecords=3&pageSize=2");
    expect(ids(sorted)).toEqual(["recMany0000000000", "recMany0000000001"]);
    expect(ids(await list(`maxRecords=3&pageSize=2&offset=${sorted.offset}`))).toEqual(["recMany0000000002"]);
    const [narrow] = (await list("fields[]=number&fields[]=currency&maxRecords=1&recordMetadata[]=commentCount"))
      .records;
    expect(narrow).toMatchObject({ fields: { number: 1.5, currency: 0 }, commentCount: 0 });
    const [keyed] = (await list("returnFieldsByFieldId=true&maxRecords=1&fields[]=fldnumber")).records;
    expect(keyed?.fields).toEqual({ fldnumber: 1.5 });
    const view = await list("view=Named&maxRecords=2");
    expect(ids(view)).toEqual(["recAll00000000001", "recMany0000000102"]);
    expect(Object.keys(view.records[0]?.fields ?? {})).toHaveLength(Object.keys(cells).length);
  });

  test.each([
    ["{singleLineText} = 'n5'", ["recMany0000000005"]],
    ["RECORD_ID() = 'recAll00000000002'", ["recAll00000000002"]],
    ["AND({number} > 198, NOT({number} = 200))", ["recMany0000000001"]],
    ["OR(singleLineText = \"n1\", {singleLineText} = 'n2')", ["recMany0000000001", "recMany0000000002"]],
    ["IS_BEFORE(CREATED_TIME(), DATETIME_PARSE('2026-01-02'))", ["recAll00000000001"]],
    ["IS_AFTER(LAST_MODIFIED_TIME(), '2026-06-01')", []],
    ["IS_SAME({date}, DATETIME_PARSE('2026-03-07'))", ["recAll00000000001"]],
    // A link is its names, and not its ids.
    ["{multipleRecordLinks} = 'One'", ["recAll00000000001"]],
    ["{multipleRecordLinks} = 'recOther000000001'", []],
    // The documented trap: what comes out as 0 does not pass.
    ["{currency}", []],
    ["{number} + 1 = 2.5", ["recAll00000000001"]],
  ])("can be filtered by %s", async (formula, expected) => {
    expect(ids(await list(`filterByFormula=${encodeURIComponent(formula)}`))).toEqual(expected);
  });

  test("can be asked for by POST, with everything in the body", async () => {
    const { body } = await ask(`/v0/appAll/${table}/listRecords`, {
      method: "POST",
      body: { pageSize: 1, fields: ["number"], sort: [{ field: "number", direction: "desc" }], method: "post" },
    });
    expect(body).toMatchObject({
      records: [{ id: "recMany0000000000", fields: { number: 200 } }],
      offset: expect.any(String),
    });
  });
});

describe("cells of every type", () => {
  test("can be read as the API gives them, and all types are there", async () => {
    expect(Object.keys(fieldTypes).sort()).toEqual(Object.keys(cells).sort());
    expect(Object.keys(cells)).toHaveLength(34);
    const [record] = (await list("maxRecords=1")).records;
    expect(record?.fields).toEqual({
      ...cells,
      multipleAttachments: [{ ...attachment, url: expect.stringContaining(sandbox.url) }],
    });
    const { tables } = (await ask("/v0/meta/bases/appAll/tables?include[]=visibleFieldIds")).body as {
      tables: { fields: { type: string }[]; views: Record<string, unknown>[] }[];
    };
    expect(tables[0]?.fields.map(({ type }) => type).sort()).toEqual([...Object.keys(cells), "invented"].sort());
    expect(Object.keys(tables[0]?.views[0] ?? {}).sort()).toEqual(["id", "name", "type", "visibleFieldIds"]);
    expect((await ask("/v0/meta/bases")).body).toMatchObject({ bases: [{ id: "appAll" }] });
  });

  test("can be read as text", async () => {
    const [record] = (await list("maxRecords=1&cellFormat=string&timeZone=UTC&userLocale=en")).records;
    expect(record?.fields).toMatchObject({
      checkbox: "checked",
      currency: "$0.00",
      percent: "13%",
      multipleRecordLinks: "One",
      multipleSelects: "Red, Green",
      createdBy: "Ada",
      barcode: "4006381333931",
    });
  });

  test.each(Object.keys(fieldTypes))("can be written into %s, or not at all", async (type) => {
    const value = type === "multipleAttachments" ? [{ url: "https://example.com/a.png" }] : cells[type];
    const { status, body } = await ask("/v0/appAll/tblAll", { method: "POST", body: { fields: { [type]: value } } });
    if (fieldTypes[type]?.accepts === null) {
      expect([status, body]).toMatchObject([422, { error: { type: "INVALID_VALUE_FOR_COLUMN" } }]);
    } else {
      expect([status, body]).toMatchObject([
        200,
        type === "currency"
          ? { fields: { currency: 0 } }
          : { fields: { [type]: type === "multipleAttachments" ? [{ filename: "a.png" }] : value } },
      ]);
    }
  });

  test("can leave out what is empty, and keeps zero", async () => {
    const { body } = await ask("/v0/appAll/tblAll", {
      method: "POST",
      body: { fields: { singleLineText: "", checkbox: false, multipleSelects: [], number: 0, url: null } },
    });
    expect((body as { fields: object }).fields).toMatchObject({ number: 0 });
    expect(Object.keys((body as { fields: object }).fields).sort()).toEqual(
      ["autoNumber", "count", "createdTime", "lastModifiedTime", "number"].sort(),
    );
  });
});

describe("writes", () => {
  test("cannot be more than ten at once, nor hold what a field does not take", async () => {
    const records = Array.from({ length: 11 }, () => ({ fields: {} }));
    expect((await ask("/v0/appAll/tblAll", { method: "POST", body: { records } })).status).toBe(422);
    const write = async (fields: object, more: object = {}) =>
      (await ask("/v0/appAll/tblAll", { method: "POST", body: { fields, ...more } })).body as {
        error: { type: string };
        fields: object;
      };
    expect((await write({ singleSelect: "New" })).error.type).toBe("INVALID_MULTIPLE_CHOICE_OPTIONS");
    expect((await write({ multipleRecordLinks: ["recNone0000000000"] })).error.type).toBe("ROW_DOES_NOT_EXIST");
    expect((await write({ multipleAttachments: [{ url: "no address" }] })).error.type).toBe(
      "ATTACHMENTS_FAILED_UPLOADING",
    );
    expect((await write({ number: "12" })).error.type).toBe("INVALID_VALUE_FOR_COLUMN");
    expect(
      (await write({ number: "12", singleSelect: "New", multipleRecordLinks: "Three" }, { typecast: true })).fields,
    ).toMatchObject({
      number: 12,
      singleSelect: "New",
      multipleRecordLinks: [expect.stringMatching(/^rec/)],
    });
    expect((await ask("/v0/appAll/tblAll", { method: "POST", body: {} })).status).toBe(422);
  });

  test("can change the other side of a link, and deleting takes links away", async () => {
    const back = async (id: string) =>
      ((await ask(`/v0/appAll/Other/${id}`)).body as { fields: { Back?: string[] } }).fields.Back;
    await ask("/v0/appAll/tblAll/recAll00000000001", {
      method: "PATCH",
      body: { fields: { multipleRecordLinks: ["recOther000000002"] } },
    });
    expect(await back("recOther000000001")).toBeUndefined();
    expect(await back("recOther000000002")).toEqual(["recAll00000000001"]);
    await ask("/v0/appAll/tblAll/recAll00000000001", { method: "DELETE" });
    expect(await back("recOther000000002")).toBeUndefined();
  });

  test("can merge into what is there, and says which records are new", async () => {
    const body = {
      performUpsert: { fieldsToMergeOn: ["Name"] },
      records: [{ fields: { Name: "One" } }, { fields: { Name: "Three" } }],
    };
    const answer = (await ask("/v0/appAll/Other", { method: "PATCH", body })).body as {
      records: { id: string }[];
      createdRecords: string[];
      updatedRecords: string[];
    };
    expect(answer.updatedRecords).toEqual(["recOther000000001"]);
    expect(answer.createdRecords).toEqual([answer.records[1]?.id]);
  });
});

describe("attachments", () => {
  test("can be fetched for two hours, then not, and listing again gives a fresh address", async () => {
    const address = async () => {
      const { records } = await list("maxRecords=1");
      return (
        (records as { fields: { multipleAttachments?: { url: string }[] } }[])[0]?.fields.multipleAttachments?.[0]
          ?.url ?? ""
      );
    };
    const url = await address();
    expect(await (await fetch(url)).text()).toBe("plan");
    sandbox.advance(2 * 3_600_000 + 2_000);
    const expired = await fetch(url);
    expect([expired.status, expired.headers.get("content-type")]).toEqual([410, "text/html"]);
    expect(await (await fetch(await address())).text()).toBe("plan");
  });
});

describe("faults", () => {
  test("can be ordered and the clock moved from outside, and every request is in the log", async () => {
    await ask("/__fake/faults", {
      method: "POST",
      body: ["unavailable-for-a-second", "bad-gateway", "server-error", "rate"],
    });
    const unavailable = await ask("/v0/appAll/Other");
    expect([unavailable.status, unavailable.headers.get("retry-after")]).toEqual([503, "1"]);
    const statuses = [];
    for (let index = 0; index < 4; index += 1) {
      now += 1_000;
      const response = await fetch(`${sandbox.url}/v0/appAll/Other`, {
        headers: { authorization: `Bearer ${apiKey}` },
      });
      statuses.push(response.status);
    }
    expect(statuses).toEqual([502, 500, 429, 429]);
    await ask("/__fake/clock", { method: "POST", body: { advanceMs: 31_000 } });
    expect((await ask("/v0/appAll/Other")).status).toBe(200);
    expect((await ask("/__fake/requests")).body).toHaveLength(6);
    expect(sandbox.requests.map(({ status }) => status)).toEqual([503, 502, 500, 429, 429, 200]);
  });
});

describe("the unmodified airtable package", () => {
  const base = () => new Client({ apiKey, endpointUrl: sandbox.url }).base("appAll");
  const tick = () => {
    now += 1_000;
  };

  test("can list, find, create, update, replace and delete", async () => {
    const other = base()("Other");
    const all: string[] = [];
    await base()("All / of 100%")
      .select({
        pageSize: 50,
        fields: ["singleLineText"],
        sort: [{ field: "number", direction: "desc" }],
        filterByFormula: "{number} > 0",
      })
      .eachPage((records, next) => {
        tick();
        all.push(...records.map(({ id }) => id));
        next();
      });
    expect(all).toHaveLength(104);
    expect(all[0]).toBe("recMany0000000000");
    tick();
    expect((await other.find("recOther000000001")).get("Name")).toBe("One");
    const made = await other.create([{ fields: { Name: "A" } }, { fields: { Name: "B" } }]);
    expect(made.map((record) => record.get("Name"))).toEqual(["A", "B"]);
    const single = await other.create({ Name: "C", Back: ["recAll00000000001"] });
    tick();
    expect((await other.update(single.id, { Name: "C2" })).fields).toEqual({ Name: "C2", Back: ["recAll00000000001"] });
    expect((await other.replace(single.id, { Name: "C3" })).fields).toEqual({ Name: "C3" });
    const updated = await other.update(made.map(({ id }, index) => ({ id, fields: { Name: `U${index}` } })));
    expect(updated.map((record) => record.get("Name"))).toEqual(["U0", "U1"]);
    tick();
    expect((await other.destroy(made.map(({ id }) => id))).map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    await single.destroy();
    await expect(other.find(single.id)).rejects.toMatchObject({ error: "NOT_FOUND", statusCode: 404 });
    tick();
    const names = (await other.select().all()).map((record) => record.get("Name"));
    expect(names).toEqual(["One", "Two"]);
  });

  test("can send a long formula by POST", async () => {
    const formula = `OR(${Array.from({ length: 1_500 }, (_, index) => `{Name} = 'x${index}'`).join(",")},{Name} = 'One')`;
    const records = await base()("Other").select({ filterByFormula: formula }).all();
    expect(records.map(({ id }) => id)).toEqual(["recOther000000001"]);
    expect(sandbox.requests.at(-1)).toMatchObject({ method: "POST", path: expect.stringContaining("listRecords") });
  });

  test("can be told what went wrong", async () => {
    await expect(base()("Other").create({ Nope: 1 })).rejects.toMatchObject({
      error: "UNKNOWN_FIELD_NAME",
      message: 'Unknown field name: "Nope"',
      statusCode: 422,
    });
    await expect(base()("None").find("recA")).rejects.toMatchObject({ error: "NOT_AUTHORIZED", statusCode: 403 });
  });
});
