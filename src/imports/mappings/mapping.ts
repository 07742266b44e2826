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
  /** Every field of the source and its fate, by the source's name. */
  fields: Record<string, Field>;
  /** Columns that no field gives: worked out from the others, for all rows at once. */
  derived: Record<string, Derivation>;
  /** Sets of columns that no two rows of a tenant may share: the first record keeps the value, the others wait. */
  unique: string[][];
  /** What the table demands of a row, so that one bad cell does not stop the others. */
  rules: Rule[];
  /** Columns that the table's own triggers fill: each is that of the row that a link points to. The verifier holds them to it. */
  stamped: Record<string, { link: string; table: string; column: string }>;
}

/** Whose value stays where the source and people both changed a column: nobody's until a person decides, the source's, the database's. */
export type ConflictPolicy = (typeof conflictPolicies)[number];

export const conflictPolicies = ["hold", "source_wins", "database_wins"] as const;

export type Field = MappedField | UnmappedField;

export interface UnmappedField {
  fate: "dropped" | "derived" | "secret";
  because: string;
  aliases: string[];
  /** The collection and field whose other side this is. */
  reverseOf: { collection: string; field: string } | null;
  /** What the source works out itself, and the verifier again. */
  computed: Computation | null;
}

/** A value that the source works out: its type there, and what it is of the rows here. */
export interface Computation {
  codec: Codec;
  /** The collection whose records it goes over, and their link to this one; null for a formula of the record alone. */
  over: { collection: string; link: string } | null;
  /** An expression over `row`, or, where it goes over records, an aggregate over `row`. */
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
  /** A column of the row that a link points to. */
  | { kind: "through"; link: string; table: string; column: string }
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
  return { fate: "dropped", because, aliases, reverseOf: null, computed: null };
}

/** The other side of a link: it follows from the field that it mirrors, and the verifier holds the two against each other. */
export function reverseOf(collection: string, field: string): UnmappedField {
  return {
    fate: "derived",
    because: `The other side of ${collection}.${field}.`,
    aliases: [],
    reverseOf: { collection, field },
    computed: null,
  };
}

/** A secret: never kept in plain, neither in a row nor in the ledger. */
export function secret(because: string, aliases: string[] = []): UnmappedField {
  return { fate: "secret", because, aliases, reverseOf: null, computed: null };
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
  return { fate: "derived", because, aliases, reverseOf: null, computed: { codec, over: { collection, link }, sql } };
}

/**
 * What the source works out of the record itself.
 *
 * @param sql an expression over `row`
 */
export function formula(codec: Codec, sql: string, aliases: string[] = []): UnmappedField {
  const because = `Worked out anew: \`${sql}\`.`;
  return { fate: "derived", because, aliases, reverseOf: null, computed: { codec, over: null, sql } };
}

/** A collection that becomes rows of a table. */
export function collection(
  name: string,
  table: string,
  fields: Record<string, Field>,
  options: Partial<Pick<Collection, "aliases" | "isOptional" | "derived" | "unique" | "rules" | "stamped">> = {},
): Collection {
  return {
    aliases: [],
    isOptional: false,
    derived: {},
    unique: [],
    rules: [],
    stamped: {},
    ...options,
    name,
    table,
    leftOut: null,
    fields,
  };
}

/** A collection that is left out, for a reason. */
export function leftOut(name: string, because: string): Collection {
  return {
    name,
    aliases: [],
    table: null,
    leftOut: because,
    isOptional: true,
    fields: {},
    derived: {},
    unique: [],
    rules: [],
    stamped: {},
  };
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
