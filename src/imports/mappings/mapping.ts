import { type Codec, integer } from "../codecs.ts";
import type { Reason } from "../reasons.ts";

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
  /** Whose cells its records are made of; null for a collection that the source has. */
  partOf: Part | null;
  /** Every field of the source and its fate, by the source's name. */
  fields: Record<string, Field>;
  /** Columns that no field gives: worked out from the others, for all rows at once. */
  derived: Record<string, Derivation>;
  /** Sets of columns that no two rows of a tenant may share: the first record keeps the value, the others wait. */
  unique: string[][];
  /** What the table demands of a row, so that one bad cell does not stop the others. */
  rules: Rule[];
}

/** Whose value stays where the source and people both changed a column: nobody's until a person decides, the source's, the database's. */
export type ConflictPolicy = (typeof conflictPolicies)[number];

export const conflictPolicies = ["hold", "source_wins", "database_wins"] as const;

export type Field = MappedField | UnmappedField | PartField;

/**
 * How a collection is made of cells of others, so that one record makes rows in several tables: each of them has an outcome of its own,
 * and waits, comes in and goes by itself.
 */
export type Part =
  /** A record for each record of `collection` that has one of the part's own fields: the other half of a wide table. */
  | { kind: "split"; collection: string; owner: string }
  /** A record for each element of these fields: a tag, a link. */
  | { kind: "elements"; collection: string; fields: string[]; owner: string; field: string | null; element: string }
  /** A record for each name in these cells, however often it stands there. */
  | { kind: "names"; cells: { collection: string; field: string }[]; element: string };

/** A field whose cells become records of a part. */
export interface PartField {
  fate: "part";
  part: string;
  /** What a cell must be: anything, for the part's own codec; a list of options; options or one text; a list of links. */
  takes: "anything" | "options" | "names" | "links";
  aliases: string[];
}

export interface UnmappedField {
  fate: "dropped" | "derived" | "secret";
  because: string;
  aliases: string[];
  /** The collection and field whose other side this is. */
  reverseOf: { collection: string; field: string } | null;
  /** What the source works out itself, and the verifier again. */
  computed: Computation | null;
  /** Where else the source says the same: a cell of which that cannot be shown waits. */
  supersededBy: Superseded | null;
}

/** How a cell is shown to say nothing new. */
export type Superseded =
  /** The record that `link` names says the same in `field`. */
  | { kind: "linked"; link: string; field: string }
  /** A record of `collection` that links here says the same in one of `fields`; or says one of `values` there, where they are named. */
  | { kind: "linking"; collection: string; link: string; fields: string[]; values: string[] | null }
  /** The row agrees: for each option a condition over its columns. */
  | { kind: "agreeing"; options: Record<string, string> };

/** A value that the source works out: its type there, and what it is of the rows here. */
export interface Computation {
  codec: Codec;
  /** The collection whose records it goes over, and their link to this one; null for a formula of the record alone. */
  over: { collection: string; link: string } | null;
  /** The link of this record whose other end it looks at; null where it looks at none. */
  through: string | null;
  /** An expression over `row`, or over the `linked` row; where it goes over records, an aggregate over `row`. */
  sql: string;
}

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
  /** Decides conflicts of its column, whatever the batch was told; null leaves it to the batch. */
  onConflict: ConflictPolicy | null;
}

export type Derivation =
  /** A unique short name out of another column, given once and kept. */
  | { kind: "slug"; from: string }
  /** The place among siblings, from 0, by these columns in this order. Siblings are loaded together, and may link to each other. */
  | { kind: "rank"; within: string; by: string[] }
  /** A column of the row that a link points to; the link may be such a column itself. */
  | { kind: "through"; link: string; table: string; column: string }
  /**
   * The one row of a collection whose `column` is the name in `from`, upper and lower case and blanks around it aside. Where none or several
   * have it, the name waits.
   */
  | { kind: "byName"; from: string; collection: string; column: string }
  | { kind: "constant"; type: string; value: string };

/** A condition over the table's columns; where it is false, the cell of `column` waits in quarantine. */
export interface Rule {
  holds: string;
  column: string;
  reason: Reason;
}

type FieldOptions = {
  key?: string;
  required?: true;
  aliases?: string[];
  orFrom?: string[];
  onConflict?: ConflictPolicy;
};

/** Its cells become records of a part. */
export function inPart(part: string, takes: PartField["takes"] = "anything", aliases: string[] = []): PartField {
  return { fate: "part", part, takes, aliases };
}

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
    onConflict: options.onConflict ?? null,
  };
}

/** Goes to a column, and stands beside the record's cells: the time of its creation. */
export function beside(column: string, codec: Codec): MappedField {
  return { ...to(column, codec), isBeside: true };
}

/** Is not brought over, for a reason that a person can judge. Its values stay in the ledger. */
export function dropped(because: string, aliases: string[] = []): UnmappedField {
  return { ...unmapped("dropped", because), aliases };
}

/** Is not brought over where the source says the same elsewhere; else its value waits. */
export function superseded(because: string, supersededBy: Superseded, aliases: string[] = []): UnmappedField {
  return { ...unmapped("dropped", because), aliases, supersededBy };
}

function unmapped(fate: UnmappedField["fate"], because: string): UnmappedField {
  return { fate, because, aliases: [], reverseOf: null, computed: null, supersededBy: null };
}

/** The other side of a link: it follows from the field that it mirrors, and the verifier holds the two against each other. */
export function reverseOf(collection: string, field: string): UnmappedField {
  return { ...unmapped("derived", `The other side of ${collection}.${field}.`), reverseOf: { collection, field } };
}

/** A secret: never kept in plain, neither in a row nor in the ledger. */
export function secret(because: string, aliases: string[] = []): UnmappedField {
  return { ...unmapped("secret", because), aliases };
}

/** How many records of a collection link to this one: worked out again, and held against the source's number. */
export function countOf(collection: string, link: string, aliases: string[] = []): UnmappedField {
  return rollupOf(collection, link, integer(), "count(*)", aliases);
}

/**
 * What the source works out over the records that link to this one.
 *
 * @param sql an aggregate over `row`, the rows of those records: `sum(row.items_synced)`
 */
export function rollupOf(
  collection: string,
  link: string,
  codec: Codec,
  sql: string,
  aliases: string[] = [],
): UnmappedField {
  const because = `Worked out anew: \`${sql}\` over ${collection}.${link}.`;
  return {
    ...unmapped("derived", because),
    aliases,
    computed: { codec, over: { collection, link }, through: null, sql },
  };
}

/**
 * What the source works out of the record itself.
 *
 * @param sql an expression over `row`
 */
export function formula(codec: Codec, sql: string, aliases: string[] = []): UnmappedField {
  const because = `Worked out anew: \`${sql}\`.`;
  return { ...unmapped("derived", because), aliases, computed: { codec, over: null, through: null, sql } };
}

/**
 * What the source shows of the record that a link of this one points to.
 *
 * @param sql an expression over `linked`, the row of that record
 */
export function lookup(link: string, codec: Codec, sql: string, aliases: string[] = []): UnmappedField {
  const because = `Worked out anew: \`${sql}\` of what ${link} links to.`;
  return { ...unmapped("derived", because), aliases, computed: { codec, over: null, through: link, sql } };
}

/** A collection that becomes rows of a table. */
export function collection(
  name: string,
  table: string,
  fields: Record<string, Field>,
  options: Partial<Pick<Collection, "aliases" | "isOptional" | "partOf" | "derived" | "unique" | "rules">> = {},
): Collection {
  return {
    aliases: [],
    isOptional: false,
    partOf: null,
    derived: {},
    unique: [],
    rules: [],
    ...options,
    name,
    table,
    leftOut: null,
    fields,
  };
}

/** A collection whose records are made of cells of others. Its name is ours, and no table of a source is called so. */
export function part(
  name: string,
  table: string,
  partOf: Part,
  fields: Record<string, Field>,
  options: Partial<Pick<Collection, "derived" | "unique" | "rules">> = {},
): Collection {
  return collection(name, table, fields, { ...options, partOf });
}

/** A collection that is left out, for a reason. */
export function leftOut(name: string, because: string): Collection {
  return {
    name,
    aliases: [],
    table: null,
    leftOut: because,
    isOptional: true,
    partOf: null,
    fields: {},
    derived: {},
    unique: [],
    rules: [],
  };
}

/** The names of the collections that a part is made of. */
export function parentsOf(partOf: Part): string[] {
  return partOf.kind === "names" ? [...new Set(partOf.cells.map(({ collection: name }) => name))] : [partOf.collection];
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
