/** `landfall files move`: from a folder into a bucket and back, every file held against its hash. */
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { FileStore } from "../../src/imports/files/file_store.ts";
import { openFolderStore } from "../../src/imports/files/folder_store.ts";
import { addAttachment } from "../support/attachments.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { makeStore, type TestStore } from "../support/file_stores.ts";
import { landfall } from "../support/processes.ts";

let database: TestDatabase;
let bucket: TestStore;
let folder: FileStore;
let variables: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.query("insert into tenancy.tenants (slug, name) values ('harbour', 'Harbour')");
  bucket = await makeStore("bucket");
  const { endpointUrl = "", credentials, name, prefix } = bucket.config.bucket ?? {};
  folder = openFolderStore(join(bucket.config.folder, "files"));
  variables = {
    DATABASE_URL: database.urls.admin,
    LANDFALL_SECRET_KEY: database.secretKey,
    LANDFALL_ROLE_PREFIX: database.rolePrefix,
    LANDFALL_DATA_DIR: bucket.config.folder,
    LANDFALL_FILES_URL: `s3://${name}/${prefix}`,
    AWS_ENDPOINT_URL_S3: endpointUrl,
    AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? "",
  };
});
afterAll(async () => {
  await database.drop();
  await bucket.close();
});

const move = async (...args: string[]) => {
  const { code, stdout, stderr } = await landfall(["files", "move", ...args, "--json"], variables);
  expect(stderr).not.toContain(variables.AWS_SECRET_ACCESS_KEY);
  return { code, ...JSON.parse(stdout) };
};
const namesIn = async (files: FileStore) =>
  (await Array.fromAsync(files.all())).map((sha256) => sha256.toString("hex")).sort();

test("can move files into a bucket and back, and leaves what no row names or is damaged where it is", async () => {
  const contents = ["one", "two", "three", "damaged", "of nobody"];
  const put = async (content: string) =>
    (await folder.put(Readable.from([Buffer.from(content)]), () => undefined)).sha256;
  const hashes: Buffer[] = [];
  for (const content of contents) hashes.push(await put(content));
  const [one, two, three, damaged, unclaimed] = hashes.map((sha256) => sha256.toString("hex"));
  for (const [place, sha256] of hashes.slice(0, 4).entries()) {
    const fileName = `${place}.txt`;
    await addAttachment(database, "harbour", { fileName, mediaType: "text/plain", byteSize: 3, sha256 });
  }
  const bytes = Buffer.from("one" + "two" + "three").length;
  // In the bucket lies something of the same size under the name of one.
  await bucket.files.put(Readable.from([Buffer.from("damaged")]), () => undefined);
  await bucket.damage(hashes[3] as Buffer, Buffer.from("DAMAGED"));

  expect(await move("bucket", "--copy")).toEqual({
    code: 1,
    files: 3,
    bytes,
    damaged: [damaged],
    unclaimed: [unclaimed],
  });
  expect(await namesIn(folder)).toHaveLength(5);
  expect(await bucket.names()).toEqual([one, two, three, damaged].sort());

  await bucket.files.remove(hashes[3] as Buffer);
  expect(await move("bucket")).toMatchObject({ code: 0, files: 4, damaged: [], unclaimed: [unclaimed] });
  expect(await namesIn(folder)).toEqual([unclaimed]);
  expect(await bucket.names()).toEqual([one, two, three, damaged].sort());
  expect(await move("bucket")).toMatchObject({ code: 0, files: 0 });

  expect(await move("folder")).toMatchObject({ code: 0, files: 4, damaged: [], unclaimed: [] });
  expect(await namesIn(folder)).toHaveLength(5);
  expect(await bucket.names()).toEqual([]);
});

test("cannot move anything while a tenant is being deleted: LF418", async () => {
  const { sha256 } = await folder.put(Readable.from([Buffer.from("leaving")]), () => undefined);
  const tenantId = "018f0000-0000-7000-8000-000000000001";
  await folder.setAside(tenantId, [sha256]);
  expect(await move("bucket")).toMatchObject({ code: 1, error: { code: "LF418" } });
  await folder.settleAside(tenantId, async () => false);
});

test("cannot move anything without a bucket: LF050", async () => {
  const { LANDFALL_FILES_URL: _, ...rest } = variables;
  const { code, stdout } = await landfall(["files", "move", "bucket", "--json"], rest);
  expect([code, JSON.parse(stdout).error.code]).toEqual([1, "LF050"]);
});
