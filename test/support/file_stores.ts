/** File stores of every kind, each empty and of its own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "@jest/globals";
import S3rver from "s3rver";
import type { BucketConfig, Config } from "../../src/config.ts";
import { type FileStore, pathOf } from "../../src/imports/files/file_store.ts";
import { openFileStore } from "../../src/imports/files/open_file_store.ts";
import { type S3Sandbox, startS3Sandbox } from "../../src/sandbox/s3/server.ts";

/** A folder, and a bucket at a server that is as strict as S3. */
export const storeKinds = ["folder", "bucket"] as const;
export type StoreKind = (typeof storeKinds)[number];

export interface TestStore {
  files: FileStore;
  /** What the configuration says to get it. */
  config: Config["files"];
  /** Hashes of all files, in hexadecimal. */
  names(): Promise<string[]>;
  /** Puts something else in the place of a file. */
  damage(sha256: Buffer, content: Buffer): Promise<void>;
  /** The server of a bucket. */
  sandbox?: S3Sandbox;
  close(): Promise<void>;
}

/** Makes a store of a kind. */
export async function makeStore(kind: StoreKind): Promise<TestStore> {
  const { folder, remove } = await makeFolder();
  if (kind === "folder") {
    return await aboutStore({ folder, bucket: undefined }, remove, (sha256, content) =>
      writeFile(join(folder, pathOf(sha256)), content),
    );
  }
  const sandbox = await startS3Sandbox({ folder: join(folder, "s3"), buckets: ["files"], pageSize: 2 });
  const bucket = bucketAt(sandbox.url, sandbox);
  const close = async () => {
    await sandbox.close();
    await remove();
  };
  const store = await aboutStore({ folder: join(folder, "drafts"), bucket }, close, (sha256, content) =>
    sandbox.replace("files", `${bucket.prefix}/${pathOf(sha256)}`, content),
  );
  return { ...store, sandbox };
}

/** A store of each kind behind one: what is asked of it is asked of all, and their answers must be the same. */
export async function makeEveryStore(): Promise<Pick<TestStore, "files" | "names" | "damage" | "close">> {
  const stores = await Promise.all(storeKinds.map(makeStore));
  const ofAll = async <T>(ask: (files: FileStore) => Promise<T>): Promise<T> => {
    const [first, ...others] = await Promise.all(stores.map(({ files }) => ask(files)));
    for (const other of others) expect(other).toEqual(first);
    return first as T;
  };
  const files: FileStore = {
    place: "everywhere",
    tryOut: (use) => ofAll((files) => files.tryOut(use)),
    async put(body, check) {
      const chunks = await Array.fromAsync(body);
      return await ofAll((files) => files.put(Readable.from(chunks), check));
    },
    has: (sha256) => ofAll((files) => files.has(sha256)),
    async read(sha256) {
      const bodies = await Promise.all(stores.map(({ files }) => files.read(sha256)));
      const there = bodies.filter((body) => body !== null);
      expect([0, bodies.length]).toContain(there.length);
      if (there.length === 0) return null;
      const whole = async function* () {
        const [first, ...others] = await Promise.all(there.map(async (body) => Buffer.concat(await body.toArray())));
        for (const other of others) expect(other).toEqual(first);
        yield first;
      };
      return Readable.from(whole());
    },
    async *all() {
      yield* await ofAll(async (files) => (await Array.fromAsync(files.all())).sort(Buffer.compare));
    },
    remove: (sha256) => ofAll((files) => files.remove(sha256)),
    setAside: (tenantId, sha256) => ofAll((files) => files.setAside(tenantId, sha256)),
    settleAside: (tenantId, isSpokenOf) => ofAll((files) => files.settleAside(tenantId, isSpokenOf)),
    hasAside: () => ofAll((files) => files.hasAside()),
  };
  return {
    files,
    names: () => namesIn(files),
    async damage(sha256, content) {
      for (const store of stores) await store.damage(sha256, content);
    },
    async close() {
      for (const store of stores) await store.close();
    },
  };
}

/**
 * A bucket at an S3 server that others wrote. It looks at no signature, and its lists of more than one page fail under this Node: so it
 * is a witness for the shape of requests and answers, and the stand-in for everything else.
 */
export async function makeWitnessStore(): Promise<TestStore> {
  const { folder, remove } = await makeFolder();
  const directory = join(folder, "s3");
  const server = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    configureBuckets: [{ name: "files" }],
    vhostBuckets: false,
  });
  const { port } = await server.run();
  const bucket = bucketAt(`http://127.0.0.1:${port}`, { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" });
  return await aboutStore(
    { folder: join(folder, "drafts"), bucket },
    async () => {
      await server.close();
      await remove();
    },
    (sha256, content) =>
      writeFile(join(directory, "files", bucket.prefix, `${pathOf(sha256)}._S3rver_object`), content),
  );
}

/** The bucket `files` at a server, with a prefix. */
export function bucketAt(
  endpointUrl: string,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string },
): BucketConfig {
  return {
    name: "files",
    prefix: "of/tests",
    region: "us-east-1",
    endpointUrl,
    isPathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  };
}

async function makeFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), "landfall-files-"));
  return { folder: join(parent, "files"), remove: () => rm(parent, { recursive: true, force: true }) };
}

async function aboutStore(
  config: Config["files"],
  close: () => Promise<void>,
  damage: TestStore["damage"],
): Promise<TestStore> {
  const files = await openFileStore(config);
  return {
    files,
    config,
    names: () => namesIn(files),
    damage,
    close,
  };
}

async function namesIn(files: FileStore): Promise<string[]> {
  return (await Array.fromAsync(files.all())).map((sha256) => sha256.toString("hex")).sort();
}
