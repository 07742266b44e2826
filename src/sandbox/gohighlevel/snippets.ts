import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";
import { check, queryOf, requiredText, text } from "./schemas.ts";

const versions = ["2021-07-28", "2023-02-21", "v3"];
const read = "locations/templates.readonly";
/** No such scope can be had: whoever writes a snippet is refused, with whatever token. */
const write = "locations/templates.write";
const collection = "/locations/:locationId/templates";

const listQuery = z.object({
  originId: requiredText,
  type: z.enum(["sms", "email", "whatsapp"]).optional(),
  skip: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).default(25),
  deleted: text.optional(),
});

/** Snippets, which GoHighLevel's screens call templates of SMS: they can be read and deleted, and never be made. */
export const snippetOperations: Operation[] = [
  { method: "GET", path: collection, versions, scope: read, handle: listSnippets },
  { method: "DELETE", path: `${collection}/:id`, versions, scope: read, handle: deleteSnippet },
  { method: "POST", path: collection, versions, scope: write, handle: neverReached },
  { method: "PUT", path: `${collection}/:id`, versions, scope: write, handle: neverReached },
];

function listSnippets(context: Context): Answer {
  const query = check(listQuery, queryOf(context.query, []));
  const rows = context.store.state.snippets.filter(
    (row) => row.locationId === context.params.locationId && (query.type === undefined || row.type === query.type),
  );
  const templates = rows.slice(query.skip, query.skip + query.limit).map((row) => ({
    id: row.id,
    name: row.name,
    type: row.type,
    dateAdded: row.dateAdded,
    locationId: row.locationId,
    template:
      row.type === "email"
        ? { subject: row.name, html: row.body, attachments: [] }
        : { body: row.body, attachments: [] },
    ...(row.type === "email" ? {} : { urlAttachments: [] }),
  }));
  return { status: 200, body: { templates, totalCount: rows.length } };
}

function deleteSnippet(context: Context): Answer {
  const { id, locationId } = context.params;
  const isThere = context.store.state.snippets.some((row) => row.id === id && row.locationId === locationId);
  if (!isThere) refuse(404, "Template not found");
  context.store.commit((state) => {
    state.snippets = state.snippets.filter((row) => row.id !== id);
  });
  return { status: 200, body: { succeded: true } };
}

function neverReached(): never {
  return refuse(401, "The token is not authorized for this scope.");
}
