import { type Collection, type Field, type Mapping, mappedFields, type PartField } from "./mappings/mapping.ts";
import { placeCollections } from "./pipeline/collections.ts";
import type { SourceCollection, SourceSchema } from "./sources/source.ts";

/** Where a source and a mapping differ, before a record is read. */
export interface Finding {
  kind:
    | "unknown_collection"
    | "renamed_collection"
    | "unknown_field"
    | "renamed_field"
    | "missing_field"
    | "retyped_field"
    | "unknown_option"
    | "doubled_field";
  collection: string;
  field: string | null;
  /** What is the matter, in a sentence. */
  message: string;
  /** What to do: where it is the mapping's, the line to add. */
  wayOut: string;
}

/**
 * Holds a mapping against the schema of a source.
 *
 * @param known the schema of the last import of this source: what has another name since is known by its id
 * @throws LandfallError `import_collection_missing` where the source lacks a collection that the mapping needs
 */
export function compareSchema(mapping: Mapping, schema: SourceSchema, known: SourceSchema | null = null): Finding[] {
  return placeCollections(mapping.collections, schema, known).flatMap(({ collection, source }) => {
    const before = known?.collections.find(({ id }) => id === source.id);
    return mapping.collections.includes(collection)
      ? compareCollection(collection, source, before)
      : [unknownCollection(source, before, mapping)];
  });
}

function unknownCollection(source: SourceCollection, before: SourceCollection | undefined, mapping: Mapping): Finding {
  const own = mapping.collections.find(({ name, aliases }) => [name, ...aliases].includes(before?.name ?? ""));
  if (own !== undefined) {
    return {
      kind: "renamed_collection",
      collection: source.name,
      field: null,
      message: `${source.name} was called ${before?.name} when it was last imported; the mapping does not know the new name.`,
      wayOut: `Add to ${own.name}: aliases: [${JSON.stringify(source.name)}].`,
    };
  }
  return {
    kind: "unknown_collection",
    collection: source.name,
    field: null,
    message: `The mapping does not know ${source.name}; its records will wait in quarantine.`,
    wayOut: `Map it, or add: leftOut(${JSON.stringify(source.name)}, "why"),`,
  };
}

function compareCollection(
  collection: Collection,
  source: SourceCollection,
  before: SourceCollection | undefined,
): Finding[] {
  // Of what is left out nothing is read, whatever fields it has.
  if (collection.table === null) return [];
  const findings: Finding[] = [];
  const say = (kind: Finding["kind"], field: string, message: string, wayOut: string) =>
    findings.push({ kind, collection: source.name, field, message, wayOut });
  const met = new Map<string, string>();
  for (const { id, name, kind, options } of source.fields) {
    const [ownName, field] = findField(collection, name) ?? [];
    if (ownName === undefined || field === undefined) {
      const oldName = before?.fields.find((candidate) => candidate.id === id)?.name;
      const [renamed] = (oldName === undefined ? undefined : findField(collection, oldName)) ?? [];
      if (renamed !== undefined) {
        say(
          "renamed_field",
          name,
          `${name} was called ${oldName} when it was last imported; under the new name its values will wait in quarantine.`,
          `Add to ${renamed}: aliases: [${JSON.stringify(name)}].`,
        );
        continue;
      }
      say(
        "unknown_field",
        name,
        `The mapping does not know ${name} (${kind}); its values will wait in quarantine.`,
        addLine(name, kind),
      );
      continue;
    }
    const twin = met.get(ownName);
    if (twin !== undefined) {
      say(
        "doubled_field",
        name,
        `${name} and ${twin} are one field to the mapping; ${twin} counts where both have a value.`,
        "Take one of the two names out of the mapping's aliases.",
      );
    }
    met.set(ownName, name);
    if (field.fate === "part" && field.takes !== "anything" && !kindsTaken[field.takes].includes(kind)) {
      say(
        "retyped_field",
        name,
        `${name} is ${kind}, and its cells become records of ${field.part}, which takes ${kindsTaken[field.takes].join(" or ")}; they will wait in quarantine.`,
        "Give it back its old type in the source.",
      );
    }
    if (field.fate !== "mapped") continue;
    if (!field.codec.kinds.includes(kind)) {
      say(
        "retyped_field",
        name,
        `${name} is ${kind}, and the mapping reads it as ${field.codec.name}.`,
        `Give it back its old type in the source, or read it as what it is: ${JSON.stringify(ownName)}: to(${JSON.stringify(field.column)}, ${codecOf(kind)}),`,
      );
    }
    for (const option of options ?? []) {
      if (field.codec.cell.safeDecode(field.codec.type === "jsonb" ? [option] : option).success) continue;
      say(
        "unknown_option",
        name,
        `The mapping does not know the option "${option}" of ${name}; cells that have it will wait in quarantine.`,
        `Add "${option}" to one of the values of ${name} in the mapping, or as a value of its own: ${wordOf(option)}: [${JSON.stringify(option)}],`,
      );
    }
  }
  for (const [name, field] of mappedFields(collection)) {
    if (field.isRequired && !met.has(name) && !field.isBeside && field.orFrom.length === 0) {
      const absent = field.codec.absent === null ? "no record can come in" : `every record gets ${field.codec.absent}`;
      say(
        "missing_field",
        name,
        `The source has no ${name}: ${absent}.`,
        `If it has another name there, add it as an alias: aliases: ["…"].`,
      );
    }
  }
  return findings;
}

/** The kinds of field whose cells a part can be made of; what it takes whole is judged with the part's own fields. */
const kindsTaken: Record<Exclude<PartField["takes"], "anything">, readonly string[]> = {
  options: ["multipleSelects"],
  names: ["multipleSelects", "singleSelect", "singleLineText", "multilineText"],
  links: ["multipleRecordLinks"],
};

function findField(collection: Collection, name: string): [string, Field] | undefined {
  return Object.entries(collection.fields).find(([ownName, field]) => ownName === name || field.aliases.includes(name));
}

function addLine(name: string, kind: string): string {
  return `Add: ${JSON.stringify(name)}: to("…", ${codecOf(kind)}), or dropped("why").`;
}

/** The codec that a kind of field calls for. */
function codecOf(kind: string): string {
  const codecs: Record<string, string> = {
    number: "decimal()",
    currency: "decimal()",
    percent: "decimal()",
    duration: "decimal()",
    rating: "integer()",
    count: "integer()",
    autoNumber: "integer()",
    checkbox: "boolean()",
    date: "date()",
    dateTime: "timestamp()",
    createdTime: "timestamp()",
    lastModifiedTime: "timestamp()",
    multipleSelects: "options()",
    multipleRecordLinks: 'link("…")',
  };
  return codecs[kind] ?? "text()";
}

/** An option's name as the value of an enum. */
function wordOf(option: string): string {
  const word = option
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_|_$/g, "");
  return /^[a-z]/.test(word) ? word : '"…"';
}
