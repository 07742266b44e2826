import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";
import { check, queryBoolean, queryNumber, queryOf, requiredText, text } from "./schemas.ts";
import type { State, Template } from "./state.ts";
import { contentUrl, newTemplate, notFound } from "./templates.ts";

const versions = ["2021-07-28", "2023-02-21"];
const read = "emails/builder.readonly";
const write = "emails/builder.write";

/** Bodies are loose: what the old family does not know it drops without a word. */
const createBody = z.object({
  locationId: requiredText,
  type: z.enum(["html", "folder", "import", "builder", "blank"]),
  importProvider: z.enum(["mailchimp", "active_campaign", "kajabi"]).optional(),
  parentId: text.optional(),
  isPlainText: z.boolean().optional(),
});

const dataBody = z.object({
  locationId: requiredText,
  templateId: requiredText,
  updatedBy: requiredText,
  dnd: z.object({}).loose(),
  html: text,
  editorType: z.enum(["html", "builder"]),
  previewText: text.optional(),
});

const patchBody = z.object({
  locationId: requiredText,
  name: requiredText.optional(),
  subject: text.optional(),
  previewText: text.optional(),
  archived: z.boolean().optional(),
});

const listQuery = z.object({
  locationId: requiredText,
  limit: queryNumber(1, 100).default(10),
  offset: queryNumber(0, 1_000_000).default(0),
  search: text.optional(),
  name: text.optional(),
  archived: queryBoolean.default(false),
});

/** The builder of before version 3, over the same store: it makes unnamed, empty templates and is filled by a second call. */
export const builderOperations: Operation[] = [
  { method: "POST", path: "/emails/builder", versions, scope: write, handle: createBuilder },
  { method: "GET", path: "/emails/builder", versions, scope: read, handle: listBuilders },
  { method: "POST", path: "/emails/builder/data", versions, scope: write, handle: saveBuilder },
  { method: "PATCH", path: "/emails/builder/:id", versions, scope: write, handle: patchBuilder },
  {
    method: "DELETE",
    path: "/emails/builder/:locationId/:id",
    versions,
    scope: write,
    handle: deleteBuilder,
  },
];

function find(state: State, locationId: string, id: string): Template {
  const row = state.templates.find((template) => template.id === id && template.locationId === locationId);
  return row ?? notFound();
}

function createBuilder(context: Context): Answer {
  const body = check(createBody, context.body);
  if (context.switches.importProvider === "required" && body.importProvider === undefined) {
    refuse(422, ["importProvider must be a valid enum value"]);
  }
  const template = newTemplate(context, {
    locationId: body.locationId,
    type: body.type === "folder" ? "folder" : "template",
    // The name that was sent is lost, and so is everything in it.
    name: body.type === "folder" ? "New Folder" : "New Template",
    editorType: body.type === "builder" ? "builder" : "html",
    parentFolderId: body.parentId ?? null,
  });
  return { status: 201, body: { id: template.id, redirect: template.id, status: "ok", traceId: context.traceId } };
}

function listBuilders(context: Context): Answer {
  const query = check(listQuery, queryOf(context.query, []));
  const wanted = (query.search ?? query.name)?.toLowerCase();
  const rows = context.store.state.templates
    .filter((row) => row.locationId === query.locationId && row.listedFrom <= context.clock.now())
    .filter((row) => row.archived === query.archived)
    .filter((row) => wanted === undefined || row.name.toLowerCase().includes(wanted));
  const builders = rows.slice(query.offset, query.offset + query.limit).map((row) => ({
    id: row.id,
    name: row.name,
    templateType: row.type === "folder" ? "folder" : row.editorType,
    isPlainText: row.editorType === "text",
    version: "2",
    dateAdded: row.createdAt,
    lastUpdated: row.updatedAt,
    previewUrl: contentUrl(context, row),
  }));
  return { status: 200, body: { builders, total: [{ total: rows.length }], traceId: context.traceId } };
}

function saveBuilder(context: Context): Answer {
  const body = check(dataBody, context.body);
  find(context.store.state, body.locationId, body.templateId);
  const template = context.store.commit((state) => {
    const row = find(state, body.locationId, body.templateId);
    if (!context.dropContent) row.editorContent = body.html;
    row.previewText = body.previewText ?? "";
    row.updatedAt = new Date(context.clock.now()).toISOString();
    return row;
  });
  const previewUrl = contentUrl(context, template);
  return {
    status: 201,
    body: { ok: "true", traceId: context.traceId, previewUrl, templateDownloadUrl: previewUrl },
  };
}

function patchBuilder(context: Context): Answer {
  const body = check(patchBody, context.body);
  const id = context.params.id ?? "";
  find(context.store.state, body.locationId, id);
  context.store.commit((state) => {
    const row = find(state, body.locationId, id);
    row.name = body.name ?? row.name;
    row.subjectLine = body.subject ?? row.subjectLine;
    row.previewText = body.previewText ?? row.previewText;
    row.archived = body.archived ?? row.archived;
    row.updatedAt = new Date(context.clock.now()).toISOString();
  });
  return { status: 200, body: { ok: "true", traceId: context.traceId } };
}

function deleteBuilder(context: Context): Answer {
  const { locationId = "", id = "" } = context.params;
  find(context.store.state, locationId, id);
  context.store.commit((state) => {
    state.templates = state.templates.filter((row) => row.id !== id);
  });
  return { status: 200, body: { ok: "true", traceId: context.traceId } };
}
