import { Readable } from "node:stream";
import { pino } from "pino";
import { addAttachment } from "../support/attachments.ts";
import { makeStore, storeKinds, type TestStore } from "../support/file_stores.ts";
import { startTestApi, type TestApi } from "./api.ts";

const bytes = Buffer.from("<script>alert(1)</script>");

describe.each(storeKinds)("a file in a %s", (kind) => {
  let api: TestApi;
  let store: TestStore;
  const lines: string[] = [];
  let id: string;
  let sha256: Buffer;

  beforeAll(async () => {
    store = await makeStore(kind);
    const log = pino({}, { write: (line: string) => lines.push(line) });
    api = await startTestApi({ change: () => ({ files: store.config }), log });
    ({ sha256 } = await store.files.put(Readable.from([bytes]), () => undefined));
    const file = { fileName: '../../page "1" ä.html', mediaType: "text/html", byteSize: bytes.length, sha256 };
    id = await addAttachment(api.database, "harbour", file);
  });

  afterAll(async () => {
    await api.close();
    await store.close();
  });

  const get = (path: string, token?: string) =>
    fetch(`${api.url}/attachments/${path}`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });

  test("can be fetched by whoever may see its row, as bytes to be saved", async () => {
    const answer = await get(id, await api.signIn("viewer@harbour.test"));
    expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, bytes]);
    expect(answer.headers.get("content-type")).toBe("application/octet-stream");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("content-disposition")).toMatch(/^attachment; filename="page /);
    expect(answer.headers.get("content-disposition")).not.toContain("..");
  });

  test("cannot be fetched by visitors, client people, another tenant, nor under another name: LF909", async () => {
    for (const email of [undefined, "client@harbour.test", "admin@meadow.test"]) {
      const token = email === undefined ? undefined : await api.signIn(email);
      expect([email, (await get(id, token)).status]).toEqual([email, 404]);
    }
    const viewer = await api.signIn("viewer@harbour.test");
    for (const path of ["..%2F..%2Fetc%2Fpasswd", "x", "00000000-0000-4000-8000-000000000000"]) {
      expect([path, (await get(path, viewer)).status]).toEqual([path, 404]);
    }
  });

  test("cannot come whole where it is damaged, and the log says so", async () => {
    const token = await api.signIn("viewer@harbour.test");
    await store.damage(sha256, Buffer.from("<script>alert(2)</script>"));
    await expect(get(id, token).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(lines.some((line) => line.includes("does not hold what it should"))).toBe(true);
    await store.damage(sha256, bytes);
    expect((await get(id, token)).status).toBe(200);
  });

  if (kind === "bucket") {
    test("cannot be served while the store refuses: LF416, and nobody is told which store", async () => {
      const token = await api.signIn("viewer@harbour.test");
      store.sandbox?.faults.denied.add("GetObject");
      const answer = await get(id, token);
      const text = await answer.text();
      expect([answer.status, JSON.parse(text).errors[0].extensions.code]).toEqual([503, "LF416"]);
      for (const secret of ["127.0.0.1", "of/tests", "s3:", "AKIA"]) expect(text).not.toContain(secret);
      expect(lines.some((line) => line.includes("denies these credentials"))).toBe(true);
      store.sandbox?.faults.denied.clear();
    });
  }

  test("cannot tell anybody where it is kept", async () => {
    const answer = await get(id, await api.signIn("viewer@harbour.test"));
    const told = JSON.stringify([...answer.headers, answer.url, answer.redirected]);
    for (const secret of ["s3:", "of/tests", "files/", store.config.folder]) expect(told).not.toContain(secret);
    for (const secret of ["secret-of-the-sandbox", "AKIASANDBOX"]) expect(lines.join("")).not.toContain(secret);
  });
});

test("cannot start where the bucket is not there: LF416", async () => {
  const store = await makeStore("bucket");
  const { folder, bucket } = store.config;
  const start = startTestApi({ change: () => ({ files: { folder, bucket: bucket && { ...bucket, name: "gone" } } }) });
  await expect(start).rejects.toMatchObject({
    code: "LF416",
    message: expect.stringMatching(/There is no bucket gone/),
  });
  await store.close();
});
