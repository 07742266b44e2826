import { createHash } from "node:crypto";
import type { Client, Failure, Outcome, Success } from "./client.ts";
import type { ListedTemplate } from "./endpoints.ts";
import { type Listings, type ShownTemplate, type Walk, walkTemplates } from "./listings.ts";
import type { Rendered } from "./render.ts";

export type RemoteObject = {
  id: string;
  name: string;
  createdAt: string;
  isArchived: boolean;
  /** Why it must not be adopted although it looks like ours; null where it may. */
  conflict?: string;
};

/** What an object holds, as people call its fields. */
export type HeldFields = { name: string; subject?: string; preview?: string; body?: string; text?: string };

/** What was read back of an object. */
export type Held = {
  fields: HeldFields;
  /** SHA-256 of everything that was read, as GoHighLevel holds it: it tells a change of theirs from one that they made on saving. */
  hash: string;
  /** The merge field under which messages address it; null where it has none. */
  key: string | null;
  /** When it was last changed there, as GoHighLevel says; null where it does not. */
  updatedAt: string | null;
};

export type Checked = {
  /** The fields that are not held as they were sent; none when all is well. */
  wrong: string[];
  held: Held;
};

/** One kind of GoHighLevel object, as the protocol handles every kind: find, make, change, read back. */
export type Asset = {
  /**
   * Everything that bears the token, archived or not, the one to adopt first. In doubt, when an earlier call may have made
   * it, GoHighLevel is asked anew, and besides a search the folder itself is walked.
   */
  find(isInDoubt: boolean): Promise<Outcome<RemoteObject[]>>;
  create(): Promise<Outcome<RemoteObject>>;
  /** Sends every field anew; null for what the API cannot change. */
  update: ((remote: RemoteObject) => Promise<Outcome<RemoteObject>>) | null;
  /** Reads an object back, and names the fields that are not held as they were sent. */
  verify(id: string): Promise<Outcome<Checked>>;
  /** Puts a surplus one away; null for what the API cannot archive. */
  archive: ((id: string) => Promise<Outcome<RemoteObject>>) | null;
};

function then<T, U>(outcome: Outcome<T>, map: (data: T, success: Success<T>) => U): Outcome<U> {
  return outcome.class === "done" ? { ...outcome, data: map(outcome.data, outcome) } : outcome;
}

function heldOf(
  fields: HeldFields,
  updatedAt: string | null | undefined,
  raw: unknown,
  key: string | null = null,
): Held {
  const isTime = updatedAt !== null && updatedAt !== undefined && !Number.isNaN(Date.parse(updatedAt));
  return {
    fields,
    key,
    hash: createHash("sha256").update(JSON.stringify(raw)).digest("hex"),
    updatedAt: isTime ? new Date(updatedAt).toISOString() : null,
  };
}

/** A body as a person reads it: without our marker, and without what GoHighLevel adds on saving. */
export function readableBody(html: string): string {
  return html
    .replace(/<!-- pp:pp[a-z2-7]{12}:[0-9a-f]{8} -->/g, "")
    .replace(/<!-- outlook-fixes-applied -->/g, "")
    .trim();
}

/** What a template holds, its body fetched from the storage host. */
export async function readTemplate(
  client: Client,
  id: string,
): Promise<Outcome<Held & { deleted: boolean; content: string | null }>> {
  const read = await client.getTemplate(id);
  if (read.class !== "done") return read;
  const { name, subject, previewText, editorContentUrl, deleted, updatedAt } = read.data;
  const content = editorContentUrl ? await client.getContent(editorContentUrl) : null;
  if (content?.class === "transient") return content satisfies Failure;
  const html = content?.class === "done" ? content.data : null;
  const fields = { name, subject: subject ?? "", preview: previewText ?? "", body: readableBody(html ?? "") };
  const held = heldOf(fields, updatedAt, [name, subject, previewText, html]);
  return { ...read, data: { ...held, deleted: deleted === true, content: html } };
}

/** What a custom value holds. */
export function readValue(customValue: {
  name: string;
  value?: string | null | undefined;
  fieldKey?: string | null | undefined;
}): Held {
  const { name, value, fieldKey } = customValue;
  return heldOf({ name, text: value ?? "" }, null, [name, value ?? ""], fieldKey ?? null);
}

/** Oldest first, what is in use before what is archived: the first of them is the one that people have wired up. */
function byAge(one: RemoteObject, other: RemoteObject): number {
  return (
    Number(one.isArchived) - Number(other.isArchived) ||
    one.createdAt.localeCompare(other.createdAt) ||
    one.id.localeCompare(other.id)
  );
}

/** Of what lists show, all that bears the token, each object once. */
function bearing(rows: ShownTemplate[], type: "template" | "folder", token: string): RemoteObject[] {
  const found = new Map<string, RemoteObject>();
  for (const { id, name, createdAt, isArchived, ...row } of rows) {
    if (row.type !== type || !name.includes(token)) continue;
    found.set(id, { id, name, createdAt: createdAt ?? "", isArchived });
  }
  return [...found.values()].sort(byAge);
}

/** All that bears the token in several lists, read now. */
async function findInLists(
  client: Client,
  walks: [Walk, ...Walk[]],
  type: "template" | "folder",
  token: string,
): Promise<Outcome<RemoteObject[]>> {
  const rows: ShownTemplate[] = [];
  let last: Success<ListedTemplate[]> | null = null;
  for (const filter of walks) {
    const list = await walkTemplates(client, filter);
    if (list.class !== "done") return list;
    last = list;
    rows.push(...list.data.map((row) => ({ ...row, isArchived: filter.archived })));
  }
  return { ...(last as Success<ListedTemplate[]>), data: bearing(rows, type, token) };
}

function made({ id, name }: { id: string; name: string }): RemoteObject {
  return { id, name, createdAt: "", isArchived: false };
}

/**
 * The folder of a journey's templates. Its search is not to be trusted, so the list is walked; the API can neither rename
 * nor archive it.
 */
export function folderAsset(client: Client, rendered: Extract<Rendered, { kind: "folder" }>, token: string): Asset {
  const walks: [Walk, ...Walk[]] = [
    { archived: false, include: "folders" },
    { archived: true, include: "folders" },
  ];
  const find = () => findInLists(client, walks, "folder", token);
  return {
    find,
    create: async () => then(await client.createFolder(rendered.name), made),
    update: null,
    verify: async (id) =>
      then(await find(), (folders) => {
        const name = folders.find((folder) => folder.id === id)?.name;
        return { wrong: name === undefined ? ["folder"] : [], held: heldOf({ name: name ?? "" }, null, [name]) };
      }),
    archive: null,
  };
}

/** Every template that bears the token, archived or not; in doubt its folder is walked too, for a search may lag behind. */
export function findTemplates(
  client: Client,
  token: string,
  folderId: string | null,
): Promise<Outcome<RemoteObject[]>> {
  const walks: [Walk, ...Walk[]] = [
    { archived: false, include: "templates", search: token },
    { archived: true, include: "templates", search: token },
  ];
  if (folderId !== null) walks.push({ archived: false, include: "templates", folderId });
  return findInLists(client, walks, "template", token);
}

/** An email template in the journey's folder. */
export function templateAsset(
  client: Client,
  listings: Listings,
  { fields, marker }: Extract<Rendered, { kind: "template" }>,
  token: string,
  folderId: string | null,
): Asset {
  const archive = async (id: string) => then(await client.archiveTemplate(id), made);
  return {
    async find(isInDoubt) {
      if (isInDoubt || folderId === null) return findTemplates(client, token, folderId);
      const list = await listings.templates(folderId);
      if (list.class !== "done") return list;
      if (list.data === null) return findTemplates(client, token, null);
      return { ...list, data: bearing(list.data, "template", token) };
    },
    create: async () => then(await client.createTemplate(fields, folderId), made),
    update: async ({ id, isArchived }) =>
      then(await client.updateTemplate(id, isArchived ? { ...fields, archived: false } : fields), made),
    archive,
    async verify(id) {
      const read = await readTemplate(client, id);
      if (read.class !== "done") return read;
      const { fields: held, deleted, content } = read.data;
      const wrong: string[] = [];
      if (deleted) wrong.push("deleted");
      if (held.name !== fields.name) wrong.push("name");
      if (held.subject !== fields.subjectLine) wrong.push("subjectLine");
      if (held.preview !== fields.previewText) wrong.push("previewText");
      if (content === null || !content.includes(marker)) wrong.push("editorContent");
      return { ...read, data: { wrong, held: read.data } };
    },
  };
}

/** The text of an SMS, call, task or note. */
export function customValueAsset(
  client: Client,
  listings: Listings,
  { fields }: Extract<Rendered, { kind: "custom_value" }>,
  token: string,
): Asset {
  return {
    find: async (isInDoubt) =>
      then(await (isInDoubt ? client.listCustomValues() : listings.customValues()), ({ customValues }) =>
        customValues
          .filter(({ name, fieldKey }) => name.includes(token) || (fieldKey ?? "").includes(token))
          .map((value) => {
            // Ours begin with PP and end with the token, and a person may have renamed one; another's text is left alone.
            const isOurs = /^PP .* /.test(value.name) && value.name.endsWith(token);
            const conflict = `The custom value "${value.name}" uses our key and is not ours. Rename or delete it in GoHighLevel, then retry.`;
            return isOurs ? made(value) : { ...made(value), conflict };
          })
          .sort(byAge),
      ),
    create: async () => then(await client.createCustomValue(fields), ({ customValue }) => made(customValue)),
    update: async ({ id }) => then(await client.updateCustomValue(id, fields), ({ customValue }) => made(customValue)),
    archive: null,
    verify: async (id) =>
      then(await client.getCustomValue(id), ({ customValue }) => {
        const wrong: string[] = [];
        if (customValue.name !== fields.name) wrong.push("name");
        if ((customValue.value ?? "") !== fields.value) wrong.push("value");
        return { wrong, held: readValue(customValue) };
      }),
  };
}

/** The tag that starts a journey's workflow: GoHighLevel has each name once, so the name is its token. */
export function tagAsset(client: Client, { name }: Extract<Rendered, { kind: "tag" }>): Asset {
  const find = async () =>
    then(await client.listTags(), ({ tags }) => tags.filter((tag) => tag.name === name).map(made));
  return {
    find,
    create: async () => then(await client.createTag(name), ({ tag }) => made(tag)),
    update: null,
    archive: null,
    verify: async (id) =>
      then(await find(), (tags) => {
        const wrong = tags.some((tag) => tag.id === id) ? [] : ["tag"];
        return { wrong, held: heldOf({ name }, null, [name]) };
      }),
  };
}
