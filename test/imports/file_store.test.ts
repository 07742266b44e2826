/** What every file store does, whichever kind it is; and what a bucket refuses. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { BucketConfig } from "../../src/config.ts";
import { openBucketStore } from "../../src/imports/files/bucket_store.ts";
import { asidePath, type FileStore, hashIn, pathOf } from "../../src/imports/files/file_store.ts";
import { openFolderStore } from "../../src/imports/files/folder_store.ts";
import { type S3Sandbox, startS3Sandbox } from "../../src/sandbox/s3/server.ts";
import { bucketAt, makeStore, makeWitnessStore, storeKinds, type TestStore } from "../support/file_stores.ts";

const hashOf = (content: Buffer | string) => createHash("sha256").update(content).digest();
const put = (files: FileStore, content: Buffer | string) =>
  files.put(Readable.from([Buffer.from(content)]), () => undefined);
const contentOf = async (files: FileStore, sha256: Buffer) => {
  const body = await files.read(sha256);
  return body && Buffer.concat(await body.toArray());
};
const tenantId = "018f0000-0000-7000-8000-000000000001";

const kinds = [
  ...storeKinds.map((kind) => ({ kind, make: () => makeStore(kind) })),
  { kind: "bucket at another's server", make: makeWitnessStore },
];

describe.each(kinds)("a $kind", ({ make }) => {
  let store: TestStore;
  let files: FileStore;
  beforeAll(async () => {
    store = await make();
    files = store.files;
  });
  afterAll(() => store.close());

  test("can be tried out, and is empty then", async () => {
    await files.tryOut("change");
    await files.tryOut("read");
    expect(await store.names()).toEqual([]);
    expect(await files.hasAside()).toBe(false);
  });

  test("can keep a file under its hash, with its size and how it begins", async () => {
    let told: unknown;
    const chunks = [Buffer.from("%PDF"), Buffer.from("-1.7 and "), Buffer.from("more than sixteen bytes")];
    const content = Buffer.concat(chunks);
    const file = await files.put(Readable.from(chunks), (...all) => {
      told = all;
    });
    expect(file).toEqual({ sha256: hashOf(content), bytes: content.length });
    expect(told).toEqual([file, content.subarray(0, 16)]);
    expect(await files.has(file.sha256)).toBe(true);
    expect(await contentOf(files, file.sha256)).toEqual(content);
    expect(await store.names()).toEqual([file.sha256.toString("hex")]);
    await files.remove(file.sha256);
    await files.remove(file.sha256);
  });

  test("can keep an empty one", async () => {
    const { sha256 } = await put(files, "");
    expect(await contentOf(files, sha256)).toEqual(Buffer.alloc(0));
    await files.remove(sha256);
  });

  test("can say that a file is not there", async () => {
    expect(await files.has(hashOf("nothing"))).toBe(false);
    expect(await files.read(hashOf("nothing"))).toBeNull();
  });

  test("can be given the same file by several at once", async () => {
    const content = randomBytes(200_000);
    const all = await Promise.all(Array.from({ length: 5 }, () => put(files, content)));
    expect(new Set(all.map(({ sha256 }) => sha256.toString("hex")))).toEqual(new Set(await store.names()));
    expect((await contentOf(files, hashOf(content)))?.equals(content)).toBe(true);
    await files.remove(hashOf(content));
  });

  test("cannot keep what the check refuses, or what breaks off", async () => {
    const refused = files.put(Readable.from([Buffer.from("refused")]), () => {
      throw new Error("of another kind");
    });
    await expect(refused).rejects.toThrow("of another kind");
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from("half of it");
        throw new Error("cut");
      })(),
    );
    await expect(files.put(broken, () => undefined)).rejects.toThrow("cut");
    expect(await store.names()).toEqual([]);
  });

  test("cannot give a damaged file whole: LF417", async () => {
    for (const content of [Buffer.from("short"), randomBytes(1_000_000)]) {
      const { sha256 } = await put(files, content);
      const damaged = Buffer.from(content);
      damaged[0] = (damaged[0] ?? 0) ^ 1;
      await store.damage(sha256, damaged);
      const body = await files.read(sha256);
      let received = 0;
      const reading = (async () => {
        for await (const chunk of body as AsyncIterable<Buffer>) received += chunk.length;
      })();
      await expect(reading).rejects.toMatchObject({ code: "LF417" });
      expect(received).toBeLessThan(content.length);
      await files.remove(sha256);
    }
  });

  test("can set a tenant's files aside, delete them, and bring back what somebody speaks of", async () => {
    const [own, shared, other] = [
      (await put(files, "own")).sha256,
      (await put(files, "shared")).sha256,
      (await put(files, "another's")).sha256,
    ];
    await files.setAside(tenantId, [own, shared, hashOf("never there")]);
    // Called again after it was broken off.
    await files.setAside(tenantId, [own, shared]);
    expect(await files.hasAside()).toBe(true);
    expect(await store.names()).toEqual([other.toString("hex")]);
    expect(await files.read(own)).toBeNull();
    expect(await files.settleAside(tenantId, async (sha256) => sha256.equals(shared))).toBe(1);
    expect(await files.hasAside()).toBe(false);
    expect(await store.names()).toEqual([shared, other].map((sha256) => sha256.toString("hex")).sort());
    expect(await contentOf(files, shared)).toEqual(Buffer.from("shared"));
    expect(await files.settleAside(tenantId, async () => false)).toBe(0);
    await files.remove(shared);
    await files.remove(other);
  });
});

describe.each(storeKinds)("a %s with more than one page of files", (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await makeStore(kind);
  });
  afterAll(() => store.close());

  test("can list and settle all of them, and nothing else", async () => {
    const hashes: Buffer[] = [];
    for (let place = 0; place < 7; place += 1) hashes.push((await put(store.files, `file ${place}`)).sha256);
    const aside = hashes.slice(0, 5);
    expect(await store.names()).toEqual(hashes.map((sha256) => sha256.toString("hex")).sort());
    await store.files.setAside(tenantId, aside);
    expect(await store.names()).toHaveLength(2);
    expect(await store.files.settleAside(tenantId, async () => false)).toBe(5);
    expect(await store.names()).toHaveLength(2);
  });
});

describe("a bucket at a server of S3's strictness", () => {
  let folder: string;
  let sandbox: S3Sandbox;
  let config: BucketConfig;
  const open = (change: Partial<BucketConfig> = {}) =>
    openBucketStore({ ...config, ...change }, join(folder, "drafts"));
  const refusal = (files: FileStore) => files.tryOut("change").catch((error: unknown) => error);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "landfall-files-"));
    sandbox = await startS3Sandbox({ folder: join(folder, "s3"), buckets: ["files", "more"] });
    config = bucketAt(sandbox.url, sandbox);
  });
  afterEach(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("can tell what it needs from how it was refused: LF416", async () => {
    const key = { accessKeyId: sandbox.accessKeyId, secretAccessKey: "the wrong secret" };
    const cases: [Partial<BucketConfig>, RegExp, RegExp][] = [
      [{ name: "no-such-bucket" }, /There is no bucket no-such-bucket at http:/, /LANDFALL_FILES_URL/],
      [{ credentials: key }, /does not accept the credentials .*SignatureDoesNotMatch/, /AWS_SECRET_ACCESS_KEY/],
      [{ credentials: { ...key, accessKeyId: "AKIAUNKNOWN" } }, /does not accept the credentials/, /AWS_ACCESS_KEY_ID/],
      [{ region: "eu-central-1" }, /is not in eu-central-1/, /AWS_REGION=us-east-1/],
      [
        { endpointUrl: "http://127.0.0.1:1" },
        /http:\/\/127.0.0.1:1 does not give s3:.*ECONNREFUSED/,
        /AWS_ENDPOINT_URL_S3/,
      ],
    ];
    for (const [change, message, wayOut] of cases) {
      const error = await refusal(open(change));
      expect(error).toMatchObject({
        code: "LF416",
        message: expect.stringMatching(message),
        wayOut: expect.stringMatching(wayOut),
      });
      expect(JSON.stringify([error, String(error)])).not.toContain("the wrong secret");
    }
  });

  test.each(["ListBucket", "PutObject", "DeleteObject"] as const)(
    "cannot be tried out without the right to %s: LF416",
    async (action) => {
      sandbox.faults.denied.add(action);
      expect(await refusal(open())).toMatchObject({
        code: "LF416",
        message: expect.stringMatching(/denies/),
        wayOut: expect.stringMatching(new RegExp(`s3:${action}`)),
      });
    },
  );

  test("can be read by whoever may only read", async () => {
    sandbox.faults.denied.add("PutObject").add("DeleteObject");
    await open().tryOut("read");
  });

  test("can survive that it is told to slow down", async () => {
    sandbox.faults.nextStatuses.push(503, 503);
    const { sha256 } = await put(open(), "slowly");
    expect(await contentOf(open(), sha256)).toEqual(Buffer.from("slowly"));
  });

  test("cannot pass over an answer that is cut", async () => {
    const content = randomBytes(300_000);
    const { sha256 } = await put(open(), content);
    sandbox.faults.cutNextObjectAt = 100_000;
    await expect(contentOf(open(), sha256)).rejects.toMatchObject({ code: "LF416" });
    expect((await contentOf(open(), sha256))?.equals(content)).toBe(true);
  });

  test("can be given a large file in parts, and leaves none behind where one is refused", async () => {
    const content = randomBytes(12_000_000);
    const { sha256 } = await put(open(), content);
    expect(sandbox.requests.filter(({ path }) => path.includes("partNumber="))).toHaveLength(3);
    expect((await contentOf(open(), sha256))?.equals(content)).toBe(true);
    await open().remove(sha256);
    sandbox.faults.partsLeft = 1;
    await expect(put(open(), content)).rejects.toMatchObject({ code: "LF416" });
    expect(sandbox.openUploads()).toBe(0);
    expect(await open().has(sha256)).toBe(false);
  });

  test("cannot be sent twice what is there", async () => {
    await put(open(), "once");
    const before = sandbox.requests.length;
    await put(open(), "once");
    expect(sandbox.requests.slice(before).map(({ method }) => method)).toEqual(["HEAD"]);
  });

  test("can hold what somebody else put beside, and be copied by any tool", async () => {
    const files = open({ prefix: "" });
    const { sha256 } = await put(files, "the same place");
    expect(sandbox.keys("files")).toEqual([pathOf(sha256)]);
    await put(open({ prefix: "" }), "");
    await put(open({ prefix: "elsewhere" }), "of another installation");
    expect((await Array.fromAsync(files.all())).map(pathOf).sort()).toEqual(
      [pathOf(sha256), pathOf(hashOf(""))].sort(),
    );
  });
});

describe("a folder", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "landfall-files-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("cannot be used where nothing can be written: LF416", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(openFolderStore(join(folder, "file")).tryOut("change")).rejects.toMatchObject({
      code: "LF416",
      message: expect.stringMatching(/cannot be reached or written: .*(ENOTDIR|EEXIST)/),
      wayOut: expect.stringMatching(/LANDFALL_FILES_DIR/),
    });
  });

  test("cannot hide that the disk does not do its part: LF416", async () => {
    const store = openFolderStore(folder);
    const { sha256 } = await put(store, "there");
    await rm(join(folder, pathOf(sha256), ".."), { recursive: true });
    await writeFile(join(folder, pathOf(sha256), ".."), "a file where a folder should be");
    const asked = [
      () => put(store, "there"),
      () => store.has(sha256),
      () => store.read(sha256),
      () => store.remove(sha256),
    ];
    for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: "LF416" });
  });

  test("can clear away what killed processes left, and nothing that is written on", async () => {
    const incoming = join(folder, "incoming");
    await mkdir(incoming);
    for (const name of ["abandoned", "under way"]) await writeFile(join(incoming, name), "half");
    const twoDaysAgo = Date.now() / 1_000 - 2 * 86_400;
    await utimes(join(incoming, "abandoned"), twoDaysAgo, twoDaysAgo);
    await openFolderStore(folder).tryOut("change");
    expect(await readdir(incoming)).toEqual(["under way"]);
  });
});

test("can tell a file's place from any other path", () => {
  const sha256 = hashOf("x");
  expect(hashIn(pathOf(sha256))).toEqual(sha256);
  const name = sha256.toString("hex");
  for (const path of [
    `00/${name}`,
    name,
    `${asidePath(tenantId)}/${name}`,
    `incoming/${name}`,
    `x/${pathOf(sha256)}`,
  ]) {
    expect([path, hashIn(path)]).toEqual([path, null]);
  }
});
