import { z } from "zod";
import { errorMessage } from "../../errors.ts";
import { httpGet, TooLong } from "./http.ts";
import { lookUpPublic, PrivateAddress, requirePublic } from "./public_addresses.ts";
import { type AttachmentBody, AttachmentFault, type SourceAttachment, type SourceCollection } from "./source.ts";

const cellSchema = z.array(
  z.object({
    id: z.string().optional(),
    url: z.string(),
    filename: z.string().optional(),
    size: z.number().optional(),
    type: z.string().optional(),
  }),
);

const limits = { connectMs: 5_000, idleMs: 15_000, totalMs: 3_600_000 };
/** Airtable takes files of 5 GB. */
const maxBytes = 5 * 1024 ** 3;
const attempts = 3;

/** The files that a record names, in its fields of the kind `multipleAttachments`. */
export function listAttachments(collection: SourceCollection, text: string): SourceAttachment[] {
  const names = collection.fields.filter(({ kind }) => kind === "multipleAttachments").map(({ name }) => name);
  if (names.length === 0) return [];
  const { fields = {} } = JSON.parse(text) as { fields?: Record<string, unknown> };
  return names.flatMap((field) => {
    const cell = cellSchema.safeParse(fields[field] ?? []);
    return (cell.data ?? []).map(({ id, url, filename, size, type }) => ({
      field,
      id: id ?? url,
      url,
      fileName: filename ?? "",
      byteSize: size ?? null,
      mediaType: type ?? null,
    }));
  });
}

/**
 * Opens the file that an address leads to. The address carries its own permission, so no token goes there.
 *
 * @param trustedOrigin the stand-in's, which may be on this machine; everything else must be public
 * @param readAgain reads the record again for a fresh address, once the one at hand has expired; null where the record or the file is gone
 * @throws AttachmentFault
 */
export async function openAttachment(
  attachment: SourceAttachment,
  trustedOrigin: string | null,
  readAgain: () => Promise<SourceAttachment | null>,
): Promise<AttachmentBody> {
  let current = attachment;
  let hasFreshAddress = false;
  for (let attempt = 1; ; attempt += 1) {
    if (!URL.canParse(current.url)) throw new AttachmentFault("attachment_refused", "Its address is none.");
    const answer = await ask(current, trustedOrigin).catch((error: unknown) => {
      if (error instanceof PrivateAddress) throw new AttachmentFault("attachment_refused", `${error.message}.`);
      if (attempt < attempts) return null;
      throw new AttachmentFault("attachment_lost", `${errorMessage(error)}.`);
    });
    if (answer === null) continue;
    const { status, headers, body } = answer;
    const isPage = /text\/html/.test(headers["content-type"] ?? "") && !/html/.test(current.mediaType ?? "");
    if (status === 200 && !isPage) return { body: withinSize(body, current), mediaType: current.mediaType };
    if (status >= 500 && attempt < attempts) continue;
    const isExpired = status === 410 || status === 403 || isPage;
    if (!isExpired || hasFreshAddress) {
      throw new AttachmentFault(
        "attachment_lost",
        isPage ? "Its address answers a page." : `Its address answers ${status}.`,
      );
    }
    hasFreshAddress = true;
    const fresh = await readAgain();
    if (fresh === null)
      throw new AttachmentFault("attachment_lost", "Its address has expired, and the file is gone from the record.");
    current = fresh;
  }
}

async function ask(attachment: SourceAttachment, trustedOrigin: string | null) {
  const url = new URL(attachment.url);
  const isTrusted = url.origin === trustedOrigin;
  if (!isTrusted) requirePublic(url);
  return await httpGet(url, { ...limits, maxBytes, ...(isTrusted ? {} : { lookup: lookUpPublic }) });
}

/** What is longer than the source says is not read to its end. */
async function* withinSize(body: AsyncIterable<Buffer>, { byteSize }: SourceAttachment): AsyncIterable<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (byteSize !== null && bytes > byteSize) {
        throw new AttachmentFault("attachment_differs", `It has more than the ${byteSize} bytes that the source says.`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof AttachmentFault) throw error;
    if (error instanceof TooLong) throw new AttachmentFault("attachment_refused", `${error.message}.`);
    throw new AttachmentFault("attachment_lost", `${errorMessage(error)}.`);
  }
}
