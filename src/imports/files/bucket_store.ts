import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { BucketConfig } from "../../config.ts";
import { explainBucketError, isMissing } from "./bucket_errors.ts";
import { tryDrafts, withDraft } from "./draft.ts";
import { asidePath, type FileStore, hashIn, pathOf } from "./file_store.ts";
import { verified } from "./verified.ts";

/** Larger files go up in parts, so many of this size at a time: what one upload holds in memory. */
const partBytes = 5 * 1024 * 1024;
const partsAtOnce = 2;

/** Bounds of silence, in milliseconds. */
const timeouts = { connectionTimeout: 5_000, socketTimeout: 30_000 };

/** Bytes to be saved, whatever they say they are. */
const contentType = "application/octet-stream";

/**
 * A file store in a bucket of S3, or of a server that speaks as S3 does.
 *
 * @param drafts folder on this machine for files on their way, absolute
 */
export function openBucketStore(bucket: BucketConfig, drafts: string): FileStore {
  const client = new S3Client({
    region: bucket.region,
    forcePathStyle: bucket.isPathStyle,
    requestHandler: timeouts,
    // Checksums that not every such server knows. The signature of a request covers the hash of its body, and what is read is verified.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(bucket.endpointUrl === undefined ? {} : { endpoint: bucket.endpointUrl }),
    ...(bucket.credentials === undefined ? {} : { credentials: bucket.credentials }),
  });
  const Bucket = bucket.name;
  const place = ["s3:/", bucket.name, bucket.prefix].filter(Boolean).join("/");
  const keyAt = (path: string) => (bucket.prefix === "" ? path : `${bucket.prefix}/${path}`);
  const keyOf = (sha256: Buffer) => keyAt(pathOf(sha256));
  const keyAside = (tenantId: string, sha256: Buffer) => keyAt(`${asidePath(tenantId)}/${sha256.toString("hex")}`);

  const explain = (error: unknown) => explainBucketError(error, bucket, place);
  const ask = async <T>(answer: Promise<T>): Promise<T> =>
    await answer.catch((error) => Promise.reject(explain(error)));
  const unlessMissing = async <T>(answer: Promise<T>): Promise<T | null> =>
    await ask(answer.catch((error) => (isMissing(error) ? null : Promise.reject(error))));

  /** The size of an object in bytes, null where there is none. */
  const sizeOf = async (Key: string): Promise<number | null> =>
    (await unlessMissing(client.send(new HeadObjectCommand({ Bucket, Key }))))?.ContentLength ?? null;
  const remove = (Key: string) => ask(client.send(new DeleteObjectCommand({ Bucket, Key })));
  /** @returns whether it was there */
  const move = async (from: string, to: string): Promise<boolean> => {
    const CopySource = `${Bucket}/${from}`.split("/").map(encodeURIComponent).join("/");
    const copied = await unlessMissing(client.send(new CopyObjectCommand({ Bucket, CopySource, Key: to })));
    if (copied !== null) await remove(from);
    return copied !== null;
  };
  const pathsIn = async function* (folder: string): AsyncGenerator<string> {
    const pages = paginateListObjectsV2({ client }, { Bucket, Prefix: keyAt(folder) })[Symbol.asyncIterator]();
    for (let page = await ask(pages.next()); !page.done; page = await ask(pages.next())) {
      for (const { Key = "" } of page.value.Contents ?? []) yield Key.slice(keyAt("").length);
    }
  };

  return {
    place,
    async tryOut(use) {
      await ask(client.send(new ListObjectsV2Command({ Bucket, Prefix: keyAt(""), MaxKeys: 1 })));
      if (use === "read") return;
      await tryDrafts(drafts);
      const Key = keyAt(`incoming/${randomUUID()}`);
      await ask(client.send(new PutObjectCommand({ Bucket, Key, Body: "tried out", ContentType: contentType })));
      await remove(Key);
    },
    put: (body, check) =>
      withDraft(drafts, body, check, async (path, { sha256, bytes }) => {
        const Key = keyOf(sha256);
        if ((await sizeOf(Key)) === bytes) return;
        // An object appears when all of it has arrived, and whoever writes it under this name writes the same.
        const upload = new Upload({
          client,
          params: { Bucket, Key, Body: createReadStream(path), ContentType: contentType },
          partSize: partBytes,
          queueSize: partsAtOnce,
        });
        await ask(upload.done());
      }),
    has: async (sha256) => (await sizeOf(keyOf(sha256))) !== null,
    async read(sha256) {
      const found = await unlessMissing(client.send(new GetObjectCommand({ Bucket, Key: keyOf(sha256) })));
      return found && verified(found.Body as Readable, sha256, place, explain);
    },
    async *all() {
      for await (const path of pathsIn("")) {
        const sha256 = hashIn(path);
        if (sha256 !== null) yield sha256;
      }
    },
    async remove(sha256) {
      await remove(keyOf(sha256));
    },
    async setAside(tenantId, all) {
      for (const sha256 of all) await move(keyOf(sha256), keyAside(tenantId, sha256));
    },
    async settleAside(tenantId, isSpokenOf) {
      let deleted = 0;
      for await (const path of pathsIn(`${asidePath(tenantId)}/`)) {
        const sha256 = Buffer.from(path.slice(path.lastIndexOf("/") + 1), "hex");
        const aside = keyAside(tenantId, sha256);
        if (await isSpokenOf(sha256)) {
          await move(aside, keyOf(sha256));
        } else {
          await remove(aside);
          deleted += 1;
        }
      }
      return deleted;
    },
    async hasAside() {
      for await (const _path of pathsIn(`${asidePath()}/`)) return true;
      return false;
    },
  };
}
