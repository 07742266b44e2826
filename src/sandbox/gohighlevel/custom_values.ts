import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Context, Operation } from "./routes.ts";
import { check, requiredText, text } from "./schemas.ts";
import type { CustomValue, State } from "./state.ts";

const versions = ["2021-07-28", "2023-02-21", "v3"];
const read = "locations/customValues.readonly";
const write = "locations/customValues.write";
const collection = "/locations/:locationId/customValues";

const valueBody = z.strictObject({ name: requiredText, value: text });

/** Custom values: small named texts of a location, addressed in messages by a key made of the name. */
export const customValueOperations: Operation[] = [
  { method: "GET", path: collection, versions, scope: read, handle: listValues },
  { method: "POST", path: collection, versions, scope: write, handle: createValue },
  { method: "GET", path: `${collection}/:id`, versions, scope: read, handle: getValue },
  { method: "PUT", path: `${collection}/:id`, versions, scope: write, handle: updateValue },
  { method: "DELETE", path: `${collection}/:id`, versions, scope: write, handle: deleteValue },
];

/** The key under which messages address a value, made of its name when it is created and never again. */
function fieldKey(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  return `{{ custom_values.${slug} }}`;
}

function shown({ id, locationId, name, value, fieldKey: key }: CustomValue) {
  return { id, name, fieldKey: key, value, locationId };
}

function find(state: State, context: Context): CustomValue {
  const { id, locationId } = context.params;
  const value = state.customValues.find((row) => row.id === id && row.locationId === locationId);
  if (value === undefined) refuse(404, "Custom value not found");
  return value;
}

function listValues(context: Context): Answer {
  const rows = context.store.state.customValues.filter(
    (row) => row.locationId === context.params.locationId && row.listedFrom <= context.clock.now(),
  );
  return { status: 200, body: { customValues: rows.map(shown) } };
}

function createValue(context: Context): Answer {
  const body = check(valueBody, context.body);
  const isTaken = context.store.state.customValues.some(
    (other) => other.locationId === context.params.locationId && other.fieldKey === fieldKey(body.name),
  );
  if (isTaken && context.switches.duplicateCustomValues === "refuse") refuse(400, "Custom value with this name exists");
  const row = context.store.commit((state) => {
    const made: CustomValue = {
      id: context.store.nextId("short"),
      locationId: context.params.locationId ?? "",
      name: body.name,
      value: context.dropContent ? "" : body.value,
      fieldKey: fieldKey(body.name),
      listedFrom: context.clock.now() + context.listLagMs,
    };
    state.customValues.push(made);
    return made;
  });
  return { status: 201, body: { customValue: { ...shown(row), value: body.value } } };
}

function getValue(context: Context): Answer {
  return { status: 200, body: { customValue: shown(find(context.store.state, context)) } };
}

function updateValue(context: Context): Answer {
  const body = check(valueBody, context.body);
  find(context.store.state, context);
  const row = context.store.commit((state) => {
    const found = find(state, context);
    found.name = body.name;
    if (!context.dropContent) found.value = body.value;
    return found;
  });
  return { status: 200, body: { customValue: { ...shown(row), value: body.value } } };
}

function deleteValue(context: Context): Answer {
  const value = find(context.store.state, context);
  context.store.commit((state) => {
    state.customValues = state.customValues.filter((row) => row.id !== value.id);
  });
  return { status: 200, body: { succeded: true } };
}
