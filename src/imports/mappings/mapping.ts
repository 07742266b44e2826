import type { Codec } from "../codecs.ts";

/**
 * A mapping is data, one file per legacy system, and reads like a table: source field, column, codec, fate. The loader, the verifier,
 * the plan and the documentation are made from it.
 */
export interface Mapping {
  /** What `--mapping` names. */
  name: string;
  title: string;
  /** Where a record keeps its cells; what stands beside them is read by `beside`. */
  cellsIn: string;
  collections: Collection[];
}

export interface Collection {
  /** The source's name for it. Part of every row's id: it never changes, and what the source calls it elsewhere is an alias. */
  name: string;
  aliases: string[];
  /** The table, with its schema; null for a collection that is left out. */
  table: string | null;
  /** Why it is left out. Its empty records are skipped; one that holds something waits in quarantine. */
  leftOut: string | null;
  /** Not every base has it. */
  isOptional: boolean;
  /** Every field of the source and its fate, by the source's name. */
  fields: Record<string, Field>;
  /** Columns that no field gives: worked out from the others, for all rows at once. */
  derived: Record<string, Derivation>;
  /** Columns that no two rows of a tenant may share; of two records with one value the first keeps it. */
  unique: string[];
}

export type Field = MappedField | { fate: "dropped" | "derived" | "secret"; because: string; aliases: string[] };

export interface MappedField {
  fate: "mapped";
  column: string;
  /** The member of a JSON column; null for a column of its own. */
  key: string | null;
  codec: Codec;
  /** The row cannot be without it: a missing or bad value keeps the record out. */
  isRequired: boolean;
  /** Other names of the field, in other dialects of the base. */
  aliases: string[];
  /** Fields that stand in when this one is empty. */
  orFrom: string[];
  /** Whether it stands among the record's cells or beside them. */
  isBeside: boolean;
}

export type Derivation = { kind: "slug"; from: string } | { kind: "rank"; within: string; by: string[] };

type FieldOptions = { key?: string; required?: true; aliases?: string[]; orFrom?: string[] };

/** Goes to a column, or to a member of a JSON column. */
export function to(column: string, codec: Codec, options: FieldOptions = {}): MappedField {
  return {
    fate: "mapped",
    column,
    key: options.key ?? null,
    codec,
    isRequired: options.required ?? false,
    aliases: options.aliases ?? [],
    orFrom: options.orFrom ?? [],
    isBeside: false,
  };
}

/** Goes to a column, and stands beside the record's cells: the time of its creation. */
export function beside(column: string, codec: Codec): MappedField {
  return { ...to(column, codec), isBeside: true };
}

/** Is not brought over, for a reason that a person can judge. Its values stay in the ledger. */
export function dropped(because: string, aliases: string[] = []): Field {
  return { fate: "dropped", because, aliases };
}

/** The other side of a link, or something that SQL works out: it comes by itself. */
export function derivedFrom(because: string): Field {
  return { fate: "derived", because, aliases: [] };
}

/** A secret: never kept in plain, neither in a row nor in the ledger. */
export function secret(because: string, aliases: string[] = []): Field {
  return { fate: "secret", because, aliases };
}

/** A collection that becomes rows of a table. */
export function collection(
  name: string,
  table: string,
  fields: Record<string, Field>,
  options: { aliases?: string[]; optional?: true; derived?: Record<string, Derivation>; unique?: string[] } = {},
): Collection {
  return {
    name,
    aliases: options.aliases ?? [],
    table,
    leftOut: null,
    isOptional: options.optional ?? false,
    fields,
    derived: options.derived ?? {},
    unique: options.unique ?? [],
  };
}

/** A collection that is left out, for a reason. */
export function leftOut(name: string, because: string): Collection {
  return { name, aliases: [], table: null, leftOut: because, isOptional: true, fields: {}, derived: {}, unique: [] };
}

/** The mapped fields of a collection, with the source's names. */
export function mappedFields(collection: Collection): [string, MappedField][] {
  return Object.entries(collection.fields).filter(
    (entry): entry is [string, MappedField] => entry[1].fate === "mapped",
  );
}

/** The columns of a collection's table that its fields fill, each with its type and the fields that make it. */
export function columnsOf(collection: Collection): { column: string; type: string; fields: [string, MappedField][] }[] {
  const columns = new Map<string, [string, MappedField][]>();
  for (const entry of mappedFields(collection)) {
    columns.set(entry[1].column, [...(columns.get(entry[1].column) ?? []), entry]);
  }
  return [...columns].map(([column, fields]) => ({
    column,
    type: fields[0]?.[1].key === null && fields[0][1].codec.isSpread !== true ? fields[0][1].codec.type : "jsonb",
    fields,
  }));
}
