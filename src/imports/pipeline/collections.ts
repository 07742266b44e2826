import type pg from "pg";
import { fail } from "../../errors.ts";
import { type Collection, type Field, leftOut, mappedFields, type Part, parentsOf } from "../mappings/mapping.ts";
import type { SourceCollection, SourceField, SourceSchema } from "../sources/source.ts";
import { type Batch, inBatch } from "./batch.ts";
import { shapeOf } from "./sql.ts";

/** How far a collection is: between two steps there is a commit. */
export type Step = "waiting" | "landing" | "landed" | "validated" | "loaded";

/** A collection of the mapping, where the source has it, and its line in the ledger. */
export interface LedgerCollection {
  id: string;
  collection: Collection;
  source: SourceCollection;
  step: Step;
  nextPage: string | null;
  chunksLoaded: number;
  landed: number;
}

/** The fate of one field of the source. */
export interface PlacedField {
  name: string;
  fate: "mapped" | "derived" | "dropped" | "secret" | "unknown";
  column: string | null;
  because: string | null;
}

/**
 * Which collection of the mapping each one of the source is. What the mapping does not know is taken all the same, to be kept and
 * quarantined: nothing is passed over.
 *
 * @param known the schema of the last import of this source: a missing collection may have another name since
 * @returns in the mapping's order, so that what others link to comes first
 * @throws LandfallError `import_collection_missing` where the source lacks one that the mapping needs
 */
export function placeCollections(
  collections: Collection[],
  schema: SourceSchema,
  known: SourceSchema | null = null,
): { collection: Collection; source: SourceCollection }[] {
  const missing: string[] = [];
  const placed: { collection: Collection; source: SourceCollection }[] = [];
  const findSource = (collection: Collection) =>
    schema.collections.find(({ name }) => [collection.name, ...collection.aliases].includes(name));
  for (const collection of collections) {
    const { partOf } = collection;
    const source =
      findSource(collection) ?? (partOf === null ? undefined : placePart(collection, partOf, collections, findSource));
    if (source !== undefined) placed.push({ collection, source });
    else if (!collection.isOptional && partOf === null) missing.push(collection.name);
  }
  if (missing.length > 0) {
    const renamed = schema.collections.flatMap(({ id, name }) => {
      const before = known?.collections.find((collection) => collection.id === id)?.name ?? name;
      return before === name ? [] : [` ${before} is called ${name} now.`];
    });
    fail(
      "import_collection_missing",
      `The source has no ${missing.join(", ")}; it has ${schema.collections.map(({ name }) => name).join(", ")}.${renamed.join("")}`,
      "Check that this is the right base for the mapping, or add the table's name there as an alias.",
    );
  }
  const met = new Set(placed.map(({ source }) => source.id));
  const unknown = schema.collections.filter(({ id }) => !met.has(id));
  return [
    ...placed,
    ...unknown.map((source) => ({ collection: leftOut(source.name, "The mapping does not know it."), source })),
  ];
}

/**
 * A part as if the source had it: with those of its fields that its parents have. Undefined where the source has none of them. (A ledger
 * that is read as a source has it, as it was.)
 */
function placePart(
  part: Collection,
  partOf: Part,
  collections: Collection[],
  findSource: (collection: Collection) => SourceCollection | undefined,
): SourceCollection | undefined {
  const parents = collections
    .filter(({ name }) => parentsOf(partOf).includes(name))
    .map((parent) => ({ parent, source: findSource(parent) }))
    .filter((entry): entry is { parent: Collection; source: SourceCollection } => entry.source !== undefined);
  if (parents.length === 0) return undefined;
  const fields = mappedFields(part).flatMap(([name, { codec, isBeside }]): SourceField[] => {
    if (isBeside) return [];
    const own = { id: name, name, kind: codec.kinds[0] as string, options: null };
    if (partOf.kind !== "split" || name === partOf.owner) return [own];
    // Under the name that the part gives it, whatever the source calls it.
    return parents.flatMap(({ parent, source }) => {
      const names = [name, ...(parent.fields[name]?.aliases ?? [])];
      const field = source.fields.find((declared) => names.includes(declared.name));
      return field === undefined ? [] : [{ ...field, name }];
    });
  });
  return { id: part.name, name: part.name, fields };
}

/** The lines of the ledger whose records are made of those of a line. */
export function partsOf(line: LedgerCollection, ledger: LedgerCollection[]): LedgerCollection[] {
  return ledger.filter(
    ({ collection: { partOf } }) => partOf !== null && parentsOf(partOf).includes(line.collection.name),
  );
}

/** The fate of a source's field under a mapping. */
export function placeField(collection: Collection, name: string): PlacedField {
  const known = Object.entries(collection.fields).find(
    ([ownName, field]) => ownName === name || field.aliases.includes(name),
  )?.[1];
  return { name, ...fateOf(known) };
}

function fateOf(field: Field | undefined): Omit<PlacedField, "name"> {
  if (field === undefined) return { fate: "unknown", column: null, because: null };
  if (field.fate === "part")
    return { fate: "mapped", column: null, because: `Its cells are records of ${field.part}.` };
  if (field.fate !== "mapped") return { fate: field.fate, column: null, because: field.because };
  return { fate: "mapped", column: field.key === null ? field.column : `${field.column}.${field.key}`, because: null };
}

/** Opens the ledger for a batch, once; read again, it tells how far each collection is. */
export async function openLedger(batch: Batch, schema?: SourceSchema): Promise<LedgerCollection[]> {
  const placed = placeCollections(batch.mapping.collections, schema ?? (await batch.source.schema()));
  return await inBatch(batch, async (client) => {
    await client.query(
      `insert into imports.collections (batch_id, name, source_name, table_name, column_names, place)
       select $1, name, source_name, table_name, string_to_array(column_names, ' '), place - 1
       from unnest($2::text[], $3::text[], $4::text[], $5::text[])
         with ordinality as placed (name, source_name, table_name, column_names, place)
       on conflict (tenant_id, batch_id, name) do nothing`,
      [
        batch.id,
        placed.map(({ collection }) => collection.name),
        placed.map(({ source }) => source.name),
        placed.map(({ collection }) => collection.table),
        placed.map(({ collection }) => (collection.table === null ? null : shapeOf(collection).columns.join(" "))),
      ],
    );
    const ledger = await readLedger(batch, client, placed);
    for (const { id, collection, source, step } of ledger) {
      if (step !== "waiting") continue;
      const beside = mappedFields(collection).flatMap(([name, field]) => (field.isBeside ? [name] : []));
      const fields = [...beside, ...source.fields.map(({ name }) => name)].map((name) => placeField(collection, name));
      await client.query(
        `insert into imports.fields (collection_id, name, fate, column_name, because)
         select $1, * from unnest($2::text[], $3::imports.field_fate[], $4::text[], $5::text[])
         on conflict (tenant_id, collection_id, name) do nothing`,
        [
          id,
          fields.map(({ name }) => name),
          fields.map(({ fate }) => fate),
          fields.map(({ column }) => column),
          fields.map(({ because }) => because),
        ],
      );
    }
    return ledger;
  });
}

/** How far each collection of a batch is. */
export async function readLedger(
  batch: Pick<Batch, "id" | "tenantId">,
  client: pg.ClientBase,
  placed: { collection: Collection; source: SourceCollection }[],
): Promise<LedgerCollection[]> {
  const { rows } = await client.query<{
    id: string;
    name: string;
    step: Step;
    next_page: string | null;
    chunks_loaded: number;
    landed: string;
  }>(
    `select id, name, step, next_page, chunks_loaded, landed
     from imports.collections where tenant_id = $1 and batch_id = $2 order by place`,
    [batch.tenantId, batch.id],
  );
  return placed.map(({ collection, source }) => {
    const row = rows.find(({ name }) => name === collection.name);
    if (row === undefined) throw new Error(`The ledger of batch ${batch.id} has no ${collection.name}`);
    return {
      id: row.id,
      collection,
      source,
      step: row.step,
      nextPage: row.next_page,
      chunksLoaded: row.chunks_loaded,
      landed: Number(row.landed),
    };
  });
}
