import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type pg from "pg";
import { projectDir } from "../config.ts";
import { fail } from "../errors.ts";
import { type CollectedDocument, collectDocuments } from "../server/collect_documents.ts";
import { asOwner } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

/** `landfall documents …`: what the API answers in production. */
export function registerDocuments(program: Command): void {
  const documents = program
    .command("documents")
    .description("Tell the API which GraphQL documents it answers: in production it answers no others.");
  documents
    .command("add")
    .description("Store a frontend's documents, each under the id that it is asked for by. Those that are there stay.")
    .argument("<path...>", "folders of .graphql files, or manifests such as persisted-documents.json")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nEvery document is checked against the schema and the budgets first; where one fails, none is stored.",
    )
    .action(async (paths: string[], options: AnswerOptions) => {
      const schema = readFileSync(join(projectDir, "src/generated/schema.graphql"), "utf8");
      const collected = collectDocuments(paths, schema);
      const isNew = await asOwner((client) => storeDocuments(client, collected));
      const told = collected.map(({ id, operationNames }) => ({ id, operationNames, isNew: isNew.has(id) }));
      answer(options, { documents: told }, [
        ...told.map((one) => `${one.isNew ? "new  " : "known"}  ${one.id}  ${one.operationNames.join(", ")}`),
        `The API answers ${collected.length === 1 ? "this document" : `these ${collected.length} documents`}.`,
      ]);
    });
  documents
    .command("list")
    .description("List the documents that the API answers.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const stored = await asOwner(listDocuments);
      answer(
        options,
        { documents: stored },
        stored.length === 0
          ? ["There are none. Store a frontend's with landfall documents add."]
          : stored.map(({ id, operationNames, createdAt }) => `${createdAt}  ${id}  ${operationNames.join(", ")}`),
      );
    });
  documents
    .command("remove")
    .description("Forget documents. The API refuses them within a minute.")
    .argument("<id...>", "as landfall documents list shows them")
    .option(...jsonOption)
    .action(async (ids: string[], options: AnswerOptions) => {
      await asOwner((client) => removeDocuments(client, ids));
      answer(options, { removed: ids }, [`Forgot ${ids.length === 1 ? "the document" : `${ids.length} documents`}.`]);
    });
}

/**
 * Stores documents, as the owner, and gives the ids that were new.
 *
 * @throws LandfallError `documents_refused` where an id stands for another text already
 */
export async function storeDocuments(
  client: pg.ClientBase,
  documents: readonly CollectedDocument[],
): Promise<Set<string>> {
  const { rows } = await client.query<{ id: string; is_new: boolean; is_same: boolean }>(
    `with sent as (
       select s.id, s.names, s.document
       from jsonb_to_recordset($1::jsonb) as s (id text, names text[], document text)
     ), stored as (
       insert into app_private.trusted_documents (document_id, operation_names, document)
       select s.id, s.names, s.document from sent s
       on conflict on constraint trusted_documents_pkey do nothing
       returning document_id
     )
     select s.id, stored.document_id is not null as is_new, coalesce(known.document = s.document, true) as is_same
     from sent s
     left join stored on stored.document_id = s.id
     left join app_private.trusted_documents known on known.document_id = s.id`,
    [JSON.stringify(documents.map(({ id, text, operationNames }) => ({ id, names: operationNames, document: text })))],
  );
  const changed = rows.filter(({ is_same }) => !is_same).map(({ id }) => id);
  if (changed.length > 0) {
    fail(
      "documents_refused",
      `${changed.join(", ")} stands for another text already.`,
      "Give a changed document another id: a hash of its text is one.",
    );
  }
  return new Set(rows.filter(({ is_new }) => is_new).map(({ id }) => id));
}

interface StoredDocument {
  id: string;
  operationNames: string[];
  /** ISO 8601. */
  createdAt: string;
}

async function listDocuments(client: pg.ClientBase): Promise<StoredDocument[]> {
  const { rows } = await client.query<Omit<StoredDocument, "createdAt"> & { createdAt: Date }>(
    `select document_id as id, operation_names as "operationNames", created_at as "createdAt"
     from app_private.trusted_documents order by operation_names, document_id`,
  );
  return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }));
}

async function removeDocuments(client: pg.ClientBase, ids: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    "delete from app_private.trusted_documents where document_id = any($1) returning document_id as id",
    [ids],
  );
  const unknown = ids.filter((id) => !rows.some((row) => row.id === id));
  if (unknown.length > 0) {
    fail(
      "documents_unknown",
      `There is no document ${unknown.join(", ")}.`,
      "landfall documents list shows them; none was removed.",
    );
  }
}
