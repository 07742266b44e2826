/**
 * A stand-in for S3: buckets in a folder, over HTTP with path-style addresses. It knows what a file store asks (list, head, get, put, copy,
 * delete, upload in parts) and is as strict about it as S3: signatures, hashes of bodies, sizes of parts, rights.
 */
import { createHash, type Hash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkSignature, type Key, S3Refusal } from "./signatures.ts";

/** What a key may be allowed to do. */
export type S3Action = "ListBucket" | "GetObject" | "PutObject" | "DeleteObject";

export interface S3SandboxOptions {
  /** For its objects; absolute, made where it is missing. */
  folder: string;
  buckets: string[];
  key?: Key;
  region?: string;
  /** How many objects a page of a list has at most. */
  pageSize?: number;
  port?: number;
}

export interface S3Sandbox extends Key {
  url: string;
  region: string;
  /** Every request that was answered. */
  requests: { method: string; path: string; status: number }[];
  faults: {
    /** What the key may not do. */
    denied: Set<S3Action>;
    /** Statuses for the next requests, whatever they ask. */
    nextStatuses: number[];
    /** Further parts of uploads are refused after so many. */
    partsLeft: number;
    /** The next answer with an object is cut after so many bytes. */
    cutNextObjectAt: number | null;
  };
  /** Keys of a bucket's objects, in order. */
  keys(bucket: string): string[];
  /** Puts another content in the place of an object. */
  replace(bucket: string, key: string, content: Buffer): Promise<void>;
  /** How many uploads were begun and neither completed nor aborted. */
  openUploads(): number;
  close(): Promise<void>;
}

interface Stored {
  path: string;
  bytes: number;
  md5: string;
  contentType: string;
}

interface OpenUpload {
  bucket: string;
  key: string;
  contentType: string;
  parts: Map<number, Stored>;
}

/** Every part but the last has to be this large. */
const leastPartBytes = 5 * 1024 * 1024;

interface Answer {
  status: number;
  headers?: Record<string, string | number>;
  xml?: string;
  object?: Stored;
}

/** Starts a stand-in for S3 on loopback. */
export async function startS3Sandbox(options: S3SandboxOptions): Promise<S3Sandbox> {
  const {
    folder,
    key = { accessKeyId: "AKIASANDBOX", secretAccessKey: "secret-of-the-sandbox" },
    region = "us-east-1",
  } = options;
  const pageSize = options.pageSize ?? 1_000;
  await mkdir(folder, { recursive: true });
  const buckets = new Map(options.buckets.map((name) => [name, new Map<string, Stored>()]));
  const uploads = new Map<string, OpenUpload>();
  const requests: S3Sandbox["requests"] = [];
  const faults: S3Sandbox["faults"] = {
    denied: new Set(),
    nextStatuses: [],
    partsLeft: Number.POSITIVE_INFINITY,
    cutNextObjectAt: null,
  };

  const allow = (action: S3Action) => {
    if (faults.denied.has(action)) throw new S3Refusal(403, "AccessDenied", "Access Denied");
  };
  const objectsOf = (bucket: string) => {
    const objects = buckets.get(bucket);
    if (objects === undefined) throw new S3Refusal(404, "NoSuchBucket", "The specified bucket does not exist");
    return objects;
  };
  const find = (bucket: string, name: string): Stored => {
    const object = objectsOf(bucket).get(name);
    // Who may not list is not told what is missing.
    if (object === undefined && faults.denied.has("ListBucket"))
      throw new S3Refusal(403, "AccessDenied", "Access Denied");
    return object ?? refuse(404, "NoSuchKey", "The specified key does not exist.");
  };
  const findUpload = (id: string | null) =>
    uploads.get(id ?? "") ?? refuse(404, "NoSuchUpload", "The specified upload does not exist.");

  async function store(source: Readable, contentType: string, bodyHash?: string): Promise<Stored> {
    const path = join(folder, randomUUID());
    const md5 = createHash("md5");
    const sha256 = createHash("sha256");
    const size = { bytes: 0 };
    await pipeline(source, measuring([md5, sha256], size), createWriteStream(path));
    if (bodyHash !== undefined && sha256.digest("hex") !== bodyHash) {
      await rm(path);
      throw new S3Refusal(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    }
    return { path, ...size, md5: md5.digest("hex"), contentType };
  }

  async function answer(request: IncomingMessage, url: URL): Promise<Answer> {
    const bodyHash = checkSignature(request, url, key, region);
    const [bucket = "", ...rest] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const name = rest.join("/");
    const query = url.searchParams;
    const contentType = request.headers["content-type"] ?? "binary/octet-stream";
    const objects = objectsOf(bucket);
    const uploadId = query.get("uploadId");
    const what = [
      request.method,
      name === "" ? "bucket" : "object",
      ...[...query.keys()].filter((word) => word in subresources),
    ].join(" ");
    switch (what) {
      case "GET bucket list-type":
        allow("ListBucket");
        return { status: 200, xml: listOf(bucket, objects, query, pageSize) };
      case "HEAD object":
      case "GET object": {
        allow("GetObject");
        const object = find(bucket, name);
        return { status: 200, object, headers: { "content-type": object.contentType, etag: `"${object.md5}"` } };
      }
      case "PUT object": {
        allow("PutObject");
        const source = request.headers["x-amz-copy-source"];
        if (source === undefined) {
          const object = await store(request, contentType, bodyHash);
          objects.set(name, object);
          return { status: 200, headers: { etag: `"${object.md5}"` } };
        }
        allow("GetObject");
        const [fromBucket = "", ...from] = decodeURIComponent(String(source)).replace(/^\//, "").split("/");
        const original = find(fromBucket, from.join("/"));
        const copy = await store(createReadStream(original.path), original.contentType);
        objects.set(name, copy);
        return { status: 200, xml: element("CopyObjectResult", element("ETag", `"${copy.md5}"`)) };
      }
      case "DELETE object":
        allow("DeleteObject");
        objects.delete(name);
        return { status: 204 };
      case "POST object uploads": {
        allow("PutObject");
        const id = randomUUID();
        uploads.set(id, { bucket, key: name, contentType, parts: new Map() });
        const ids = element("Bucket", bucket) + element("Key", name) + element("UploadId", id);
        return { status: 200, xml: element("InitiateMultipartUploadResult", ids) };
      }
      case "PUT object partNumber uploadId":
      case "PUT object uploadId partNumber": {
        allow("PutObject");
        const upload = findUpload(uploadId);
        if (faults.partsLeft-- <= 0) refuse(403, "AccessDenied", "Access Denied");
        const part = await store(request, contentType, bodyHash);
        upload.parts.set(Number(query.get("partNumber")), part);
        return { status: 200, headers: { etag: `"${part.md5}"` } };
      }
      case "POST object uploadId": {
        const upload = findUpload(uploadId);
        const object = await assemble(upload, await textOf(request));
        objects.set(name, object);
        uploads.delete(uploadId ?? "");
        return {
          status: 200,
          xml: element("CompleteMultipartUploadResult", element("Key", name) + element("ETag", `"${object.md5}"`)),
        };
      }
      case "DELETE object uploadId":
        findUpload(uploadId);
        uploads.delete(uploadId ?? "");
        return { status: 204 };
      default:
        return refuse(501, "NotImplemented", `The stand-in knows no ${what}.`);
    }
  }

  async function assemble(upload: OpenUpload, body: string): Promise<Stored> {
    const named = [...body.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = ""]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      md5: /<ETag>(?:&quot;|")?([0-9a-f]{32})/.exec(part)?.[1],
    }));
    const parts = named.map(({ number, md5 }, place) => {
      const part = upload.parts.get(number);
      if (part === undefined || part.md5 !== md5)
        throw new S3Refusal(400, "InvalidPart", "One or more of the specified parts could not be found.");
      if (place > 0 && number <= (named[place - 1]?.number ?? 0))
        throw new S3Refusal(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
      if (place < named.length - 1 && part.bytes < leastPartBytes)
        throw new S3Refusal(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
      return part;
    });
    const whole = async function* () {
      for (const { path } of parts) yield* createReadStream(path);
    };
    return await store(Readable.from(whole()), upload.contentType);
  }

  async function send(request: IncomingMessage, response: ServerResponse, { status, headers, xml, object }: Answer) {
    response.writeHead(status, {
      ...headers,
      ...(xml === undefined ? {} : { "content-type": "application/xml" }),
      ...(object === undefined ? {} : { "content-length": object.bytes }),
    });
    if (request.method === "HEAD" || object === undefined) {
      response.end(xml === undefined ? undefined : `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`);
      return;
    }
    const cutAt = faults.cutNextObjectAt;
    faults.cutNextObjectAt = null;
    if (cutAt === null) return await pipeline(createReadStream(object.path), response);
    await pipeline(createReadStream(object.path, { end: cutAt - 1 }), response, { end: false });
    response.destroy();
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://s3");
    let given: Answer;
    try {
      const status = faults.nextStatuses.shift();
      if (status !== undefined) throw new S3Refusal(status, "SlowDown", "Please reduce your request rate.");
      given = await answer(request, url);
    } catch (error) {
      if (!(error instanceof S3Refusal)) return response.destroy();
      // What is left of a body is read, or the client would see its connection cut and not the answer.
      request.resume();
      given = { status: error.status, xml: errorXml(error) };
    }
    requests.push({ method: request.method ?? "", path: request.url ?? "", status: given.status });
    if (request.method === "HEAD") given = { ...given, xml: undefined };
    // Who asked may be gone.
    await send(request, response, given).catch(() => response.destroy());
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...key,
    region,
    url: `http://127.0.0.1:${port}`,
    requests,
    faults,
    keys: (bucket) => [...objectsOf(bucket).keys()].sort(),
    async replace(bucket, name, content) {
      const objects = objectsOf(bucket);
      objects.set(name, await store(Readable.from([content]), find(bucket, name).contentType));
    },
    openUploads: () => uploads.size,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Words of a query that make another request of it. */
const subresources = {
  "list-type": true,
  uploads: true,
  uploadId: true,
  partNumber: true,
  acl: true,
  tagging: true,
  delete: true,
};

function refuse(status: number, code: string, message: string): never {
  throw new S3Refusal(status, code, message);
}

function measuring(hashes: Hash[], size: { bytes: number }): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const hash of hashes) hash.update(chunk);
      size.bytes += chunk.length;
      done(null, chunk);
    },
  });
}

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString("utf8");
}

function listOf(bucket: string, objects: Map<string, Stored>, query: URLSearchParams, pageSize: number): string {
  const prefix = query.get("prefix") ?? "";
  const most = Math.min(Number(query.get("max-keys") ?? pageSize), pageSize);
  const after = Buffer.from(query.get("continuation-token") ?? "", "base64").toString("utf8");
  const found = [...objects.entries()]
    .filter(([key]) => key.startsWith(prefix) && key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const page = found.slice(0, most);
  const isTruncated = found.length > page.length;
  return element(
    "ListBucketResult",
    element("Name", bucket) +
      element("Prefix", prefix) +
      element("KeyCount", page.length) +
      element("MaxKeys", most) +
      element("IsTruncated", isTruncated) +
      (isTruncated ? element("NextContinuationToken", Buffer.from(page.at(-1)?.[0] ?? "").toString("base64")) : "") +
      page
        .map(([key, { bytes, md5 }]) =>
          element("Contents", element("Key", key) + element("Size", bytes) + element("ETag", `"${md5}"`)),
        )
        .join(""),
  );
}

function errorXml({ code, message, particulars }: S3Refusal): string {
  const further = Object.entries(particulars).map(([name, text]) => element(name, text));
  return element("Error", element("Code", code) + element("Message", message) + further.join(""));
}

/** Texts are escaped, elements within are not: they begin with one. */
function element(name: string, content: string | number | boolean): string {
  const text = String(content);
  const inner = text.startsWith("<")
    ? text
    : text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return `<${name}>${inner}</${name}>`;
}
