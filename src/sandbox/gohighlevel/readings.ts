import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";

const versions = ["2021-07-28", "2023-02-21", "v3"];

/** What GoHighLevel only lets read: the location itself, workflows, pipelines, forms. */
export const readingOperations: Operation[] = [
  { method: "GET", path: "/locations/:locationId", versions, scope: "locations.readonly", handle: getLocation },
  { method: "GET", path: "/workflows/", versions, scope: "workflows.readonly", handle: listWorkflows },
  { method: "GET", path: "/opportunities/pipelines", versions, scope: "opportunities.readonly", handle: listPipelines },
  { method: "GET", path: "/forms/", versions, scope: "forms.readonly", handle: listForms },
];

function askedLocation(context: Context): string {
  const locationId = context.query.get("locationId");
  if (locationId === null || locationId === "") refuse(422, ["locationId should not be empty"]);
  return locationId;
}

function getLocation(context: Context): Answer {
  const location = context.store.state.locations.find((row) => row.id === context.params.locationId);
  if (location === undefined) refuse(400, `Location with id ${context.params.locationId} not found`);
  return { status: 200, body: { location } };
}

function listWorkflows(context: Context): Answer {
  const locationId = askedLocation(context);
  return {
    status: 200,
    body: { workflows: context.store.state.workflows.filter((row) => row.locationId === locationId) },
  };
}

function listPipelines(context: Context): Answer {
  const locationId = askedLocation(context);
  return {
    status: 200,
    body: { pipelines: context.store.state.pipelines.filter((row) => row.locationId === locationId) },
  };
}

function listForms(context: Context): Answer {
  const locationId = askedLocation(context);
  const forms = context.store.state.forms.filter((row) => row.locationId === locationId);
  return { status: 200, body: { forms, total: forms.length } };
}
