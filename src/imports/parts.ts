import { isRefusedByPostgres } from "./decode.ts";
import { type Collection, mappedFields, type Part } from "./mappings/mapping.ts";
import { memberSpans, sliceText } from "./sources/json_spans.ts";

/** A record of a part, made of a record of its parent. */
export interface PartRecord {
  id: string;
  text: string;
}

/** Makes a part's records out of one record of a parent. */
export type PartMaker = (recordId: string, text: string) => PartRecord[];

/** What stands around a name and does not belong to it; the codec of names takes the same away. */
const blanksAround = /^[ \t\r\n]+|[ \t\r\n]+$/g;

/**
 * How the records of a part are made of those of a parent. Cells are taken over as they were written, so that the part keeps what the
 * source said; one that is not what the part takes stays with the parent, whose decoder tells it.
 *
 * @param cellsIn where a record keeps its cells
 */
export function makePartMaker(part: Collection, partOf: Part, parent: Collection, cellsIn: string): PartMaker {
  const canonical = new Map(
    Object.entries(parent.fields).flatMap(([name, { aliases }]) => [name, ...aliases].map((known) => [known, name])),
  );
  return (recordId, text) => {
    const bytes = Buffer.from(text);
    const members = memberSpans(bytes).map(({ key, value }) => ({ key, text: sliceText(bytes, value) }));
    const cells = new Map<string, string>();
    for (const [source, cell] of readCells(members.findLast(({ key }) => key === cellsIn)?.text)) {
      const name = canonical.get(source) ?? source;
      if (cell !== "null" && !cells.has(name)) cells.set(name, cell);
    }
    const beside = members.filter(({ key }) => key !== cellsIn && key !== "id");
    const record = (id: string, own: [string, string][], stands: { key: string; text: string }[]): PartRecord => ({
      id,
      text: writeObject([
        ["id", JSON.stringify(id)],
        ...stands.map((member): [string, string] => [member.key, member.text]),
        [cellsIn, writeObject(own)],
      ]),
    });
    switch (partOf.kind) {
      case "split": {
        // The parent may have a field of its own that is called like the link to it.
        const own = mappedFields(part).flatMap(([name]): [string, string][] => {
          const cell = name === partOf.owner ? undefined : cells.get(name);
          return cell === undefined ? [] : [[name, cell]];
        });
        return own.length === 0 ? [] : [record(recordId, [[partOf.owner, JSON.stringify([recordId])], ...own], beside)];
      }
      case "elements":
        return partOf.fields.flatMap((name) => {
          const field = parent.fields[name];
          const takes = field?.fate === "part" ? field.takes : "options";
          return elementsOf(cells.get(name), takes === "names").map((element) =>
            record(
              `${recordId}/${partOf.field === null ? "" : `${name}/`}${element}`,
              [
                [partOf.owner, JSON.stringify([recordId])],
                ...(partOf.field === null ? [] : [[partOf.field, JSON.stringify(name)] as [string, string]]),
                [partOf.element, JSON.stringify(takes === "links" ? [element] : element)],
              ],
              beside,
            ),
          );
        });
      case "names":
        return partOf.cells
          .filter(({ collection }) => collection === parent.name)
          .flatMap(({ field }) => elementsOf(cells.get(field), true))
          .map((name) => record(name, [[partOf.element, JSON.stringify(name)]], []));
    }
  };
}

function readCells(text: string | undefined): [string, string][] {
  if (text === undefined || !text.startsWith("{")) return [];
  const bytes = Buffer.from(text);
  return memberSpans(bytes).map(({ key, value }) => [key, sliceText(bytes, value)]);
}

/**
 * A cell's elements, each once; of names also that of a text, without the blanks around it. A cell that is something else, or that
 * PostgreSQL refuses, is told by the parent's decoder and has none.
 */
function elementsOf(cell: string | undefined, areNames: boolean): string[] {
  if (cell === undefined) return [];
  const value: unknown = JSON.parse(cell);
  if (isRefusedByPostgres(value)) return [];
  const elements: unknown[] = Array.isArray(value) ? value : areNames ? [value] : [];
  if (!elements.every((element) => typeof element === "string")) return [];
  if (!areNames) return elements;
  return elements.map((element) => element.replace(blanksAround, "")).filter((element) => element !== "");
}

function writeObject(members: [string, string][]): string {
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}
