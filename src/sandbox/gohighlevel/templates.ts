import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";
import { check, queryBoolean, queryNumber, queryOf, requiredText, text } from "./schemas.ts";
import type { State, Template } from "./state.ts";

const versions = ["v3"];
const read = "emails/templates.readonly";
const write = "emails/templates.write";
const collection = "/emails/locations/:locationId/templates";

const createBody = z.strictObject({
  name: requiredText,
  editorType: z.enum(["html", "text", "builder"]),
  editorContent: text.optional(),
  parentFolderId: text.optional(),
  subjectLine: text.optional(),
  previewText: text.optional(),
  fromName: text.optional(),
  fromEmail: text.optional(),
  userId: text.optional(),
});

const updateBody = z.strictObject({
  name: requiredText.optional(),
  editorType: z.enum(["html", "text"]).optional(),
  editorContent: text.optional(),
  parentFolderId: text.nullable().optional(),
  subjectLine: text.optional(),
  previewText: text.optional(),
  fromName: text.optional(),
  fromEmail: text.optional(),
  archived: z.boolean().optional(),
  userId: text.optional(),
});

const folderBody = z.strictObject({ name: requiredText, userId: text.optional() });

const listQuery = (longest: number) =>
  z.strictObject({
    limit: queryNumber(1, longest).default(10),
    offset: queryNumber(0, 1_000_000).default(0),
    search: text.optional(),
    sortBy: z.enum(["updatedAt"]).default("updatedAt"),
    sortOrder: z.enum(["asc", "desc"]).default("desc"),
    archived: queryBoolean.default(false),
    folderId: text.default("root"),
    include: z.enum(["all", "templates", "folders"]).default("all"),
  });

/** These look like filters and are not: GoHighLevel answers 200 with the root level. */
const ignoredParameters = ["parentId", "parentFolderId", "name"];

/** The version 3 family of email templates and their folders, over one store. */
export const templateOperations: Operation[] = [
  { method: "GET", path: collection, versions, scope: read, handle: listTemplates },
  { method: "POST", path: collection, versions, scope: write, handle: createTemplate },
  { method: "POST", path: `${collection}/folders`, versions, scope: write, handle: createFolder },
  { method: "GET", path: `${collection}/:id`, versions, scope: read, handle: getTemplate },
  { method: "PATCH", path: `${collection}/:id`, versions, scope: write, handle: updateTemplate },
  { method: "DELETE", path: `${collection}/:id`, versions, scope: write, handle: deleteTemplate },
];

function find(state: State, context: Context): Template {
  const { id, locationId } = context.params;
  const template = state.templates.find((row) => row.id === id && row.locationId === locationId);
  if (template === undefined || template.type === "folder") return notFound();
  return template;
}

export function notFound(): never {
  return refuse(404, "Template Not Found", { code: 5005, messageKey: "emails.builder.error.templateNotFound" });
}

function checkFolder(state: State, context: Context, folderId: string | null | undefined): void {
  if (folderId === undefined || folderId === null) return;
  const folder = state.templates.find(
    (row) => row.id === folderId && row.type === "folder" && row.locationId === context.params.locationId,
  );
  if (folder === undefined) refuse(404, "Parent folder not found");
}

/** Adds an object to the location, empty but for what is given. */
export function newTemplate(
  context: Context,
  given: Pick<Template, "locationId" | "type" | "name"> & Partial<Template>,
): Template {
  return context.store.commit((state) => {
    const now = new Date(context.clock.now()).toISOString();
    const row: Template = {
      id: context.store.nextId("objectId"),
      editorType: "html",
      editorContent: "",
      subjectLine: "",
      previewText: "",
      fromName: "",
      fromEmail: "",
      parentFolderId: null,
      archived: false,
      createdAt: now,
      updatedAt: now,
      listedFrom: context.clock.now() + context.listLagMs,
      ...given,
    };
    state.templates.push(row);
    return row;
  });
}

export function contentUrl(context: Context, template: Template): string {
  return `${context.url}/storage/email-templates/${template.id}.html`;
}

function listTemplates(context: Context): Answer {
  const query = check(listQuery(context.switches.listLimit), queryOf(context.query, ignoredParameters));
  const { templates } = context.store.state;
  const search = query.search?.toLowerCase();
  const folderId = query.folderId === "root" ? null : query.folderId;
  const rows = templates
    .filter((row) => row.locationId === context.params.locationId && row.listedFrom <= context.clock.now())
    .filter((row) => row.archived === query.archived)
    .filter((row) =>
      search === undefined
        ? row.parentFolderId === folderId
        : (row.type === "template" || context.switches.searchFolders) && row.name.toLowerCase().includes(search),
    )
    .filter((row) => query.include === "all" || query.include === `${row.type}s`)
    .toSorted((one, other) => one.updatedAt.localeCompare(other.updatedAt) || one.id.localeCompare(other.id));
  if (query.sortOrder === "desc") rows.reverse();
  const items = rows.slice(query.offset, query.offset + query.limit).map((row) => {
    const base = { id: row.id, name: row.name, type: row.type, createdAt: row.createdAt, updatedAt: row.updatedAt };
    const parent = row.parentFolderId === null ? {} : { parentFolderId: row.parentFolderId };
    if (row.type === "folder") {
      const childCount = templates.filter((child) => child.parentFolderId === row.id && !child.archived).length;
      return { ...base, ...parent, childCount, hasChildren: childCount > 0 };
    }
    return {
      ...base,
      ...parent,
      editorType: row.editorType,
      isPlainText: row.editorType === "text",
      previewUrl: contentUrl(context, row),
    };
  });
  return { status: 200, body: { items, total: rows.length, traceId: context.traceId } };
}

function createTemplate(context: Context): Answer {
  const body = check(createBody, context.body);
  checkFolder(context.store.state, context, body.parentFolderId);
  const broken = body.editorType === "builder" && body.editorContent !== undefined;
  const lost = context.dropContent || broken;
  const template = newTemplate(context, {
    locationId: context.params.locationId ?? "",
    type: "template",
    name: body.name,
    editorType: body.editorType,
    editorContent: lost ? "" : (body.editorContent ?? ""),
    subjectLine: lost ? "" : (body.subjectLine ?? ""),
    previewText: lost ? "" : (body.previewText ?? ""),
    fromName: body.fromName ?? "",
    fromEmail: body.fromEmail ?? "",
    parentFolderId: body.parentFolderId ?? null,
  });
  if (broken) refuse(500, "Internal Server Error");
  return {
    status: 201,
    body: {
      id: template.id,
      name: template.name,
      editorType: template.editorType,
      isPlainText: template.editorType === "text",
      ...(template.parentFolderId === null ? {} : { parentFolderId: template.parentFolderId }),
      fromName: template.fromName,
      fromEmail: template.fromEmail,
      subjectLine: body.subjectLine ?? "",
      previewText: body.previewText ?? "",
      previewUrl: contentUrl(context, template),
      createdAt: template.createdAt,
      updatedAt: template.updatedAt,
      traceId: context.traceId,
    },
  };
}

function createFolder(context: Context): Answer {
  const body = check(folderBody, context.body);
  const folder = newTemplate(context, {
    locationId: context.params.locationId ?? "",
    type: "folder",
    name: body.name,
  });
  const { id, name, createdAt, updatedAt } = folder;
  return { status: 201, body: { id, name, createdAt, updatedAt, traceId: context.traceId } };
}

function getTemplate(context: Context): Answer {
  const template = find(context.store.state, context);
  return {
    status: 200,
    body: {
      id: template.id,
      name: template.name,
      editorType: template.editorType,
      isPlainText: template.editorType === "text",
      ...(template.parentFolderId === null ? {} : { parentFolderId: template.parentFolderId }),
      fromName: template.fromName,
      fromEmail: template.fromEmail,
      subject: template.subjectLine,
      previewText: template.previewText,
      editorContentUrl: contentUrl(context, template),
      deleted: false,
      createdAt: template.createdAt,
      updatedAt: template.updatedAt,
      traceId: context.traceId,
    },
  };
}

function updateTemplate(context: Context): Answer {
  const body = check(updateBody, context.body);
  find(context.store.state, context);
  checkFolder(context.store.state, context, body.parentFolderId);
  if ((body.editorContent === undefined) !== (body.editorType === undefined)) {
    refuse(422, ["editorContent and editorType must be provided together"]);
  }
  const touchesContent = ["name", "subjectLine", "previewText", "editorContent"].some((field) =>
    Object.hasOwn(body, field),
  );
  const template = context.store.commit((state) => {
    const row = find(state, context);
    row.name = body.name ?? row.name;
    if (touchesContent && !context.dropContent) {
      // A partial update has been seen to reset what it does not name, so the stand-in does it unless told otherwise.
      const keeps = context.switches.partialUpdate === "keep";
      row.subjectLine = body.subjectLine ?? (keeps ? row.subjectLine : "");
      row.previewText = body.previewText ?? (keeps ? row.previewText : "");
      row.editorType = body.editorType ?? row.editorType;
      row.editorContent = body.editorContent ?? row.editorContent;
    }
    row.fromName = body.fromName ?? row.fromName;
    row.fromEmail = body.fromEmail ?? row.fromEmail;
    if (body.parentFolderId !== undefined) row.parentFolderId = body.parentFolderId;
    row.archived = body.archived ?? row.archived;
    row.updatedAt = new Date(context.clock.now()).toISOString();
    return row;
  });
  return {
    status: 200,
    body: {
      id: template.id,
      name: template.name,
      archived: template.archived,
      fromName: template.fromName,
      fromEmail: template.fromEmail,
      subjectLine: body.subjectLine ?? template.subjectLine,
      previewText: body.previewText ?? template.previewText,
      previewUrl: contentUrl(context, template),
      editorType: template.editorType,
      isPlainText: template.editorType === "text",
      ...(template.parentFolderId === null ? {} : { parentFolderId: template.parentFolderId }),
      createdAt: template.createdAt,
      updatedAt: template.updatedAt,
      traceId: context.traceId,
    },
  };
}

function deleteTemplate(context: Context): Answer {
  const template = find(context.store.state, context);
  context.store.commit((state) => {
    state.templates = state.templates.filter((row) => row.id !== template.id);
  });
  return { status: 200, body: { deleted: true, traceId: context.traceId } };
}
