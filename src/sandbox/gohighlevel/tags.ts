import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";
import { check, requiredText } from "./schemas.ts";

const versions = ["2021-07-28", "2023-02-21", "v3"];
const collection = "/locations/:locationId/tags";

const tagBody = z.strictObject({ name: requiredText });

/** Tags of a location: lower-cased and unique. */
export const tagOperations: Operation[] = [
  { method: "GET", path: collection, versions, scope: "locations/tags.readonly", handle: listTags },
  { method: "POST", path: collection, versions, scope: "locations/tags.write", handle: createTag },
  { method: "GET", path: `${collection}/:id`, versions, scope: "locations/tags.readonly", handle: getTag },
  { method: "PUT", path: `${collection}/:id`, versions, scope: "locations/tags.write", handle: updateTag },
  { method: "DELETE", path: `${collection}/:id`, versions, scope: "locations/tags.write", handle: deleteTag },
];

function tagsOf(context: Context) {
  return context.store.state.tags.filter((row) => row.locationId === context.params.locationId);
}

function find(context: Context) {
  const tag = tagsOf(context).find((row) => row.id === context.params.id);
  if (tag === undefined) refuse(404, "Tag not found");
  return tag;
}

function listTags(context: Context): Answer {
  return { status: 200, body: { tags: tagsOf(context) } };
}

function createTag(context: Context): Answer {
  const name = check(tagBody, context.body).name.toLowerCase();
  if (tagsOf(context).some((row) => row.name === name)) refuse(400, "The tag name is already exist.");
  const tag = context.store.commit((state) => {
    const made = { id: context.store.nextId("short"), locationId: context.params.locationId ?? "", name };
    state.tags.push(made);
    return made;
  });
  return { status: 200, body: { tag } };
}

function getTag(context: Context): Answer {
  return { status: 200, body: { tag: find(context) } };
}

function updateTag(context: Context): Answer {
  const name = check(tagBody, context.body).name.toLowerCase();
  const tag = find(context);
  if (tagsOf(context).some((row) => row.name === name && row.id !== tag.id))
    refuse(400, "The tag name is already exist.");
  context.store.commit(() => {
    tag.name = name;
  });
  return { status: 200, body: { tag } };
}

function deleteTag(context: Context): Answer {
  const tag = find(context);
  context.store.commit((state) => {
    state.tags = state.tags.filter((row) => row.id !== tag.id);
  });
  return { status: 200, body: { succeded: true } };
}
