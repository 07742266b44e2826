/** The documents of a frontend, read from the files that its build works with, and checked against the API. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  buildSchema,
  type GraphQLError,
  Kind,
  parse,
  print,
  separateOperations,
  specifiedRules,
  validate,
} from "postgraphile/graphql";
import { z } from "zod";
import { errorMessage, fail } from "../errors.ts";
import { DEFAULT_BUDGET, overspentLimit } from "./plugins/budget.ts";

/** A document with the id that the frontend sends. */
export interface CollectedDocument {
  id: string;
  text: string;
  operationNames: string[];
}

const manifestSchema = z.record(z.string().regex(/^[\w.:-]{1,200}$/), z.string().min(1));

/**
 * Reads documents: from `.graphql` and `.gql` files, each operation with the fragments that it needs under `sha256:<hash of its text as
 * graphql-js prints it>`, and from manifests (`.json`, id to text, as GraphQL Code Generator and Relay write them) under the ids there.
 *
 * @param paths files, or folders that are searched to their bottom
 * @param schemaText the API's schema
 * @throws LandfallError `wrong_usage` where a path cannot be read or holds nothing; `documents_refused` naming each document that the
 *   API would not answer
 */
export function collectDocuments(paths: readonly string[], schemaText: string): CollectedDocument[] {
  const files = paths.flatMap(filesUnder);
  const sources = files.filter((file) => /\.(graphql|gql)$/.test(file)).map((file) => ({ file, text: read(file) }));
  const documents = [
    ...files.filter((file) => file.endsWith(".json")).flatMap((file) => fromManifest(file)),
    ...fromSources(sources),
  ];
  if (documents.length === 0) {
    fail(
      "wrong_usage",
      `There are no documents in ${paths.join(", ")}.`,
      "Name a folder of .graphql files, or a manifest.",
    );
  }
  refuseUnanswerable(documents, schemaText);
  return documents;
}

function filesUnder(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(graphql|gql)$|persisted[-_]documents\.json$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    return fail("wrong_usage", `${path} cannot be read: ${errorMessage(error)}.`, "Name a file or a folder.", error);
  }
}

function read(file: string): string {
  return readFileSync(file, "utf8");
}

function fromManifest(file: string): CollectedDocument[] {
  try {
    const manifest = manifestSchema.parse(JSON.parse(read(file)));
    return Object.entries(manifest).map(([id, text]) => ({ id, text, operationNames: namesIn(text) }));
  } catch (error) {
    return fail(
      "wrong_usage",
      `${file} is no manifest of documents: ${errorMessage(error)}.`,
      'A manifest is an object of ids and texts: {"sha256:…": "query …"}.',
      error,
    );
  }
}

/** Fragments may stand in other files than the operations that use them. */
function fromSources(sources: readonly { file: string; text: string }[]): CollectedDocument[] {
  const definitions = sources.flatMap(({ file, text }) => {
    try {
      return parse(text, { noLocation: true }).definitions;
    } catch (error) {
      return fail("wrong_usage", `${file} is no GraphQL: ${errorMessage(error)}.`, "Correct the file.", error);
    }
  });
  const nameless = definitions.some(
    ({ kind, ...rest }) => kind === Kind.OPERATION_DEFINITION && !("name" in rest && rest.name),
  );
  if (nameless) fail("wrong_usage", "An operation has no name.", "Give each operation a name of its own.");
  return Object.entries(separateOperations({ kind: Kind.DOCUMENT, definitions })).map(([name, document]) => {
    const text = print(document);
    return { id: `sha256:${createHash("sha256").update(text).digest("hex")}`, text, operationNames: [name] };
  });
}

function namesIn(text: string): string[] {
  return parse(text, { noLocation: true }).definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION && definition.name ? [definition.name.value] : [],
  );
}

/** A document that the API would refuse is better refused before the frontend is out. */
function refuseUnanswerable(documents: readonly CollectedDocument[], schemaText: string): void {
  const schema = buildSchema(schemaText);
  const problems = documents.flatMap(({ id, text, operationNames }) => {
    const document = parse(text);
    const name = operationNames.join(", ") || id;
    const limit = overspentLimit(schema, document, DEFAULT_BUDGET);
    const reasons: readonly (GraphQLError | string)[] = limit
      ? [`it asks for more than ${DEFAULT_BUDGET[limit]} ${limit}`]
      : validate(schema, document, specifiedRules);
    return reasons.map((reason) => `${name}: ${typeof reason === "string" ? `${reason}.` : reason.message}`);
  });
  if (problems.length > 0) {
    fail(
      "documents_refused",
      `The API would not answer these: ${problems.join(" ")}`,
      "Correct them; nothing was stored.",
    );
  }
}
