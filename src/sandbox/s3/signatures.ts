/** Signature Version 4 of a request's headers, as the server checks it. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A refusal, as S3 words it. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** Further elements of the answer, such as the right region. */
  readonly particulars: Record<string, string>;

  constructor(status: number, code: string, message: string, particulars: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.particulars = particulars;
  }
}

export interface Key {
  accessKeyId: string;
  secretAccessKey: string;
}

const skewMs = 15 * 60_000;

/**
 * Holds a request against its signature.
 *
 * @returns the SHA-256 that the signed request says of its body, in hexadecimal
 * @throws S3Refusal
 */
export function checkSignature(request: IncomingMessage, url: URL, key: Key, region: string): string {
  const authorization = request.headers.authorization ?? "";
  const [, accessKeyId = "", date = "", scopeRegion = "", names = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  if (authorization === "") throw new S3Refusal(403, "AccessDenied", "Access Denied");
  if (signature === "")
    throw new S3Refusal(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.");
  if (accessKeyId !== key.accessKeyId) {
    throw new S3Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.");
  }
  if (scopeRegion !== region) {
    throw new S3Refusal(
      400,
      "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region '${scopeRegion}' is wrong; expecting '${region}'`,
      { Region: region },
    );
  }
  const time = String(request.headers["x-amz-date"]);
  if (Math.abs(Date.now() - parseTime(time)) > skewMs) {
    throw new S3Refusal(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the server's time is too large.",
    );
  }
  const bodyHash = String(request.headers["x-amz-content-sha256"]);
  if (!/^[0-9a-f]{64}$/.test(bodyHash)) {
    throw new S3Refusal(
      400,
      "InvalidArgument",
      "x-amz-content-sha256 must be the hash of the body: there is no TLS here.",
    );
  }
  const signed = names.split(";");
  if (
    !signed.includes("host") ||
    Object.keys(request.headers).some((name) => name.startsWith("x-amz-") && !signed.includes(name))
  ) {
    throw new S3Refusal(403, "AccessDenied", "There were headers present in the request which were not signed");
  }
  const canonical = [
    request.method,
    url.pathname
      .split("/")
      .map((part) => encode(decodeURIComponent(part)))
      .join("/"),
    [...url.searchParams]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join("&"),
    ...signed.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    names,
    bodyHash,
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const signing = [date, region, "s3", "aws4_request"].reduce<Buffer | string>(sign, `AWS4${key.secretAccessKey}`);
  if (!timingSafeEqual(sign(signing, text), Buffer.from(signature, "hex"))) {
    throw new S3Refusal(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the one you provided.",
    );
  }
  return bodyHash;
}

function sign(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5"));
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
