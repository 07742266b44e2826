/** What an S3 server refuses, in words that say what to do. */
import type { BucketConfig } from "../../config.ts";
import { errorMessage, LandfallError } from "../../errors.ts";

/** The part of the SDK's errors that is looked at; errors of the network have another shape. */
interface BucketError {
  name?: string;
  $metadata?: { httpStatusCode?: number };
  /** Of an error that names the right region. */
  Region?: string;
}

/** Whether there is no such object. The answer to HEAD has no body that would tell it from a missing bucket: tryOut asks otherwise. */
export function isMissing(error: unknown): boolean {
  const { name } = error as BucketError;
  return name === "NoSuchKey" || name === "NotFound";
}

const credentialFaults =
  /^(InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|CredentialsProviderError)$/;
const regionFaults = /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/;

/**
 * `file_store_unusable`, for anything that the SDK threw.
 *
 * @param place of the store, as `s3://bucket/prefix`
 */
export function explainBucketError(error: unknown, bucket: BucketConfig, place: string): LandfallError {
  if (error instanceof LandfallError) return error;
  const { message, wayOut } = wordsFor(error as BucketError, bucket, place);
  return new LandfallError("file_store_unusable", message, wayOut, { cause: error });
}

function wordsFor(error: BucketError, bucket: BucketConfig, place: string): { message: string; wayOut: string } {
  const { name = "", $metadata, Region } = error;
  const status = $metadata?.httpStatusCode;
  const at = bucket.endpointUrl ?? `S3 in ${bucket.region}`;
  if (name === "NoSuchBucket") {
    return {
      message: `There is no bucket ${bucket.name} at ${at}.`,
      wayOut: "Make it there, or correct LANDFALL_FILES_URL.",
    };
  }
  if (credentialFaults.test(name)) {
    return {
      message: `${at} does not accept the credentials for ${place} (${name}).`,
      wayOut:
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key of that server, and AWS_SESSION_TOKEN where the key is a temporary one.",
    };
  }
  if (regionFaults.test(name) || status === 301) {
    return {
      message: `The bucket ${bucket.name} is not in ${bucket.region}.`,
      wayOut: Region === undefined ? "Set AWS_REGION to the bucket's." : `Set AWS_REGION=${Region}.`,
    };
  }
  if (name === "RequestTimeTooSkewed") {
    return { message: `The clock of this machine and that of ${at} differ.`, wayOut: "Set the clock right." };
  }
  if (name === "AccessDenied" || status === 403) {
    return {
      message: `${at} denies these credentials what ${place} needs.`,
      wayOut:
        "Allow them s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on what is in it.",
    };
  }
  return {
    message: `${at} does not give ${place}: ${[status, name, errorMessage(error)].filter(Boolean).join(" ")}.`,
    wayOut: "Check LANDFALL_FILES_URL, AWS_ENDPOINT_URL_S3, and that the server runs; then try again.",
  };
}
