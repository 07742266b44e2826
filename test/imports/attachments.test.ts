import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FileStore } from "../../src/imports/files/file_store.ts";
import { mayBe } from "../../src/imports/files/file_types.ts";
import { planImport, runImport } from "../../src/imports/run_import.ts";
import { httpGet, readWhole } from "../../src/imports/sources/http.ts";
import { isPublic, lookUpPublic, requirePublic } from "../../src/imports/sources/public_addresses.ts";
import { type AirtableSandbox, startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { makeEveryStore, makeStore } from "../support/file_stores.ts";
import { copySample, type Importing, prepareImporting } from "./importing.ts";

const apiKey = "patTest.of.the.sandbox";
const png = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(100)]);
const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const clock = (() => {
  let now = Date.UTC(2026, 10, 20);
  return {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
})();

describe("a base whose records have files", () => {
  let importing: Importing;
  let sandbox: AirtableSandbox;
  let sample: Awaited<ReturnType<typeof copySample>>;
  let store: Awaited<ReturnType<typeof makeEveryStore>>;

  beforeEach(async () => {
    importing = await prepareImporting();
    sample = await copySample();
    store = await makeEveryStore();
    await mkdir(join(sample.folder, "attachments"));
    const file = join(sample.folder, "schema.json");
    const schema = JSON.parse(await readFile(file, "utf8"));
    const clients = schema.tables.find(({ name }: { name: string }) => name === "Clients");
    clients.fields.push({ id: "fldFiles", name: "Files", type: "multipleAttachments" });
    await writeFile(file, JSON.stringify(schema));
  });

  afterEach(async () => {
    await sandbox.close();
    await importing.close();
    await sample.remove();
    await store.close();
  });

  /** Gives the first client files, whose bytes the stand-in has, and starts it. */
  async function start(files: { id: string; bytes?: Buffer; [key: string]: unknown }[]): Promise<void> {
    await sample.change("Clients", (records) => {
      const [first] = records;
      if (first)
        first.fields.Files = files.map(({ bytes: _bytes, ...file }) => ({ url: "https://127.0.0.1/x", ...file }));
      return undefined;
    });
    for (const { id, bytes } of files) {
      if (bytes !== undefined) await writeFile(join(sample.folder, "attachments", id), bytes);
    }
    sandbox = await startAirtableSandbox({ folder: sample.folder, apiKey, now: clock.now });
  }

  const accessTo = (files: FileStore) => ({
    airtable: { apiKey, endpointUrl: sandbox.url },
    clock,
    retryDelayMs: 1,
    files,
  });
  const request = () => importing.request(`airtable:${sandbox.baseId}`, { access: accessTo(store.files) });

  const ledger = () =>
    importing.database.query<Record<string, unknown>>(
      "select field, file_id, file_name, byte_size::integer, encode(sha256, 'hex') as sha256, problem from imports.attachments order by id",
    );

  test("can bring them along, each content once, under no name from outside", async () => {
    const name = "../../etc/passwd\u0000.png";
    await start([
      { id: "attOne", bytes: png, filename: name, size: png.length, type: "image/png" },
      { id: "attTwo", bytes: png, filename: "two.png", size: png.length, type: "image/png" },
      { id: "attNone", bytes: Buffer.alloc(0), filename: "empty.txt", size: 0 },
    ]);
    const report = await runImport(request());
    expect(report).toMatchObject({ status: "incomplete", verified: true });
    const files = await ledger();
    expect(new Set(files.map(({ sha256 }) => sha256))).toEqual(new Set([hashOf(png), hashOf(Buffer.alloc(0))]));
    expect(files.find(({ file_id }) => file_id === "attOne")).toMatchObject({
      field: "Files",
      file_name: "../../etc/passwd\uFFFD.png",
      byte_size: png.length,
      problem: null,
    });
    expect(await store.names()).toEqual([hashOf(png), hashOf(Buffer.alloc(0))].sort());
    const body = await store.files.read(Buffer.from(hashOf(png), "hex"));
    expect(Buffer.concat((await body?.toArray()) ?? [])).toEqual(png);
    expect(sandbox.requests.some(({ path }) => path.includes("/attachments/attOne"))).toBe(true);

    // The same files once more: they are there.
    const before = sandbox.requests.length;
    expect(await runImport(request())).toMatchObject({ status: "incomplete", verified: true });
    expect(sandbox.requests.slice(before).some(({ path }) => path.includes("/attachments/"))).toBe(false);
    expect(await ledger()).toHaveLength(6);
  });

  test.each([410, 403, 200] as const)("can get a fresh address where one has expired (%i)", async (status) => {
    await start([{ id: "attOne", bytes: png, filename: "one.png", size: png.length, type: "image/png" }]);
    sandbox.faults.expiredAttachmentStatus = status;
    sandbox.faults.expireNextAttachment();
    await runImport(request());
    expect(await ledger()).toMatchObject([{ sha256: hashOf(png), problem: null }]);
    expect(sandbox.requests.filter(({ path }) => /\/tbl\w+\/rec\w+$/.test(path))).toHaveLength(1);
  });

  test("cannot lose one silently: gone, of another size or kind, inside a network, no address", async () => {
    await start([
      { id: "attGone", url: "{sandbox}/v0/attachments/attGone", size: 4 },
      { id: "attLong", bytes: png, size: png.length - 1 },
      { id: "attShort", bytes: png, size: png.length + 1 },
      { id: "attKind", bytes: Buffer.from("text"), size: 4, type: "image/png" },
      { id: "attInside", url: "http://169.254.169.254/latest/meta-data/" },
      { id: "attHere", url: "http://localhost:9/" },
      { id: "attFile", url: "file:///etc/passwd" },
      { id: "attNot", url: "nothing" },
    ]);
    const clients = sandbox.base.tables.find(({ schema }) => schema.name === "Clients");
    for (const [id, text] of clients?.records ?? []) clients?.records.set(id, text.replace("{sandbox}", sandbox.url));
    const report = await runImport(request());
    expect(report.status).toBe("incomplete");
    const problems = Object.fromEntries((await ledger()).map(({ file_id, problem }) => [file_id, problem]));
    expect(problems).toEqual({
      attGone: "Its address answers 404.",
      attLong: `It has more than the ${png.length - 1} bytes that the source says.`,
      attShort: `It has ${png.length} bytes, and the source says ${png.length + 1}.`,
      attKind: "It is no image/png, which the source says it is.",
      attInside: "169.254.169.254 is no public address.",
      attHere: expect.stringMatching(/^localhost leads to (127\.0\.0\.1|::1)\.$/),
      attFile: "file: is no web address.",
      attNot: "Its address is none.",
    });
    expect(
      report.issues
        .filter(({ reason }) => reason.startsWith("attachment_"))
        .map(({ reason }) => reason)
        .sort(),
    ).toEqual(
      ["attachment_lost", ...Array(3).fill("attachment_differs"), ...Array(4).fill("attachment_refused")].sort(),
    );
    expect(await store.names()).toEqual([]);
  });

  test("cannot go on without the store, says so to nobody but the log where that is, and goes on later: LF216", async () => {
    const bucket = await makeStore("bucket");
    const started = () => importing.request(`airtable:${sandbox.baseId}`, { access: accessTo(bucket.files) });
    await start([{ id: "attOne", bytes: png, size: png.length, type: "image/png" }]);
    bucket.sandbox?.faults.denied.add("PutObject");
    const refused = await runImport(started()).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "LF216", message: "The file store cannot be used." });
    const [batch] = await importing.database.query("select * from imports.batches");
    expect(batch).toMatchObject({
      status: "paused",
      way_out: expect.stringMatching(/landfall doctor.*landfall import resume/),
    });
    expect(JSON.stringify(batch)).not.toMatch(/s3:|of\/tests|AKIA|secret/);
    bucket.sandbox?.faults.denied.clear();
    expect(await runImport(started())).toMatchObject({ verified: true });
    expect(await bucket.names()).toEqual([hashOf(png)]);
    await bucket.close();
  });

  test("can be planned without copying a file", async () => {
    await start([{ id: "attOne", bytes: png, size: png.length }]);
    await planImport(request());
    expect(await ledger()).toEqual([]);
    expect(sandbox.requests.some(({ path }) => path.includes("/attachments/"))).toBe(false);
  });
});

test.each([
  "127.0.0.1",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "0.0.0.0",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "fe80::1",
  "fd00::1",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
  "no address",
])("cannot reach %s", (address) => {
  expect(isPublic(address)).toBe(false);
});

test.each(["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])("can reach %s", (address) => {
  expect(isPublic(address)).toBe(true);
});

test("cannot be led inside by a way of writing an address", () => {
  for (const url of [
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[::ffff:7f00:1]/",
    "http://127.1/",
    "ftp://example.com/",
  ]) {
    expect(() => requirePublic(new URL(url))).toThrow(/public|web address/);
  }
  requirePublic(new URL("https://example.com/"));
});

test("cannot be led inside by a name", async () => {
  const error = await new Promise((resolve) => lookUpPublic("localhost", {}, (problem) => resolve(problem)));
  expect(String(error)).toMatch(/leads to/);
});

test("cannot be led inside by a redirection: it is an answer like any other", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(302, { location: "/latest/meta-data/" }).end("elsewhere");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const limits = { connectMs: 60_000, idleMs: 60_000, totalMs: 60_000, maxBytes: 100 };
  const { status, body } = await httpGet(new URL(`http://127.0.0.1:${port}/file`), limits);
  expect([status, String(await readWhole(body)), asked]).toEqual([302, "elsewhere", ["/file"]]);
  server.closeAllConnections();
  server.close();
});

test("can tell some kinds of files by how they begin", () => {
  expect(mayBe("image/png", png)).toBe(true);
  expect(mayBe("image/jpeg", png)).toBe(false);
  expect(mayBe("application/pdf", Buffer.from("%PDF-1.7"))).toBe(true);
  expect(mayBe("image/gif", Buffer.from("GIF89a"))).toBe(true);
  expect(mayBe("image/webp", Buffer.from("RIFF\u0001\u0002\u0003\u0004WEBP"))).toBe(true);
  expect(mayBe("text/csv", png)).toBe(true);
  expect(mayBe(null, png)).toBe(true);
});
