import { type Collection, type Field, type Mapping, mappedFields } from "./mappings/mapping.ts";

/** A mapping as a page of documentation: every field of the base, and its fate. */
export function documentMapping(mapping: Mapping): string {
  const sections = mapping.collections.map((collection) =>
    collection.table === null
      ? `## ${collection.name}\n\nLeft out: ${collection.leftOut} Empty records are skipped; one that holds something waits in quarantine.`
      : documentCollection(collection),
  );
  return [
    `# ${mapping.title}`,
    `Generated from \`src/imports/mappings/${mapping.name}.ts\`; change it there. A field that is not listed here is reported by \`landfall import plan\`, and its values wait in quarantine.`,
    ...sections,
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

function documentCollection(collection: Collection): string {
  const rows = Object.entries(collection.fields).map(
    ([name, field]) => `| ${[name, field.aliases.join(", "), ...fateOf(field)].map(escapeCell).join(" | ")} |`,
  );
  const derived = Object.entries(collection.derived).map(([column, derivation]) => {
    switch (derivation.kind) {
      case "slug":
        return `\`${column}\`: a unique short name out of \`${derivation.from}\`, given once.`;
      case "rank":
        return `\`${column}\`: the place among the rows of one \`${derivation.within}\`, from 0, by ${derivation.by.map((name) => `\`${name}\``).join(", ")}.`;
      case "through":
        return `\`${column}\`: that of the row that \`${derivation.link}\` points to.`;
      case "byName":
        return `\`${column}\`: the one of ${derivation.collection} whose \`${derivation.column}\` is the name in \`${derivation.from}\`; where none or several have it, the name waits.`;
      case "constant":
        return `\`${column}\`: always \`${derivation.value}\`.`;
      default:
        throw new Error("A derivation without words");
    }
  });
  const unique = collection.unique.map(
    (columns) =>
      `No two records share ${columns.map((name) => `\`${name}\``).join(" and ")}: the first keeps it, the others wait.`,
  );
  const rules = collection.rules.map(({ holds, column }) => `\`${holds}\`; else the cell of \`${column}\` waits.`);
  const notes = [...derived, ...unique, ...rules].map((note) => `- ${note}`);
  const names = collection.aliases.length === 0 ? "" : ` (also ${collection.aliases.join(", ")})`;
  return [
    `## ${collection.name} → \`${collection.table}\``,
    `${originOf(collection)}${names}, ${countOf(mappedFields(collection).length, "field")} mapped.`,
    `| field | also called | fate | column | how |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}`,
    ...(notes.length === 0 ? [] : [notes.join("\n")]),
  ].join("\n\n");
}

function countOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Where the records come from. */
function originOf({ name, partOf }: Collection): string {
  switch (partOf?.kind) {
    case undefined:
      return `The source's ${name}`;
    case "split":
      return `One record for each of ${partOf.collection} that has one of these fields`;
    case "elements":
      return `One record for each element of ${partOf.fields.join(", ")} of ${partOf.collection}`;
    case "names":
      return `One record for each name in ${partOf.cells.map(({ collection, field }) => `${collection}.${field}`).join(", ")}`;
  }
}

function fateOf(field: Field): [string, string, string] {
  if (field.fate === "part") return ["in a part", "", `Becomes records of ${field.part}.`];
  if (field.fate !== "mapped") return [field.fate, "", field.because];
  const column = field.key === null ? `\`${field.column}\`` : `\`${field.column}\` → \`${field.key}\``;
  const standIns = field.orFrom.length === 0 ? "" : `; or from ${field.orFrom.join(", ")}`;
  return [field.isRequired ? "mapped, required" : "mapped", column, `${field.codec.name}${standIns}`];
}

function escapeCell(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
