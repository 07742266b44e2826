import { readBytes } from "./lines.ts";

/** One row of a CSV file and the line that it begins in. */
export interface CsvRow {
  line: number;
  cells: string[];
}

/**
 * The rows of CSV text by RFC 4180: cells in quotes may hold commas, line ends and doubled quotes. Lines may end in CR LF or LF.
 *
 * @throws SyntaxError where a quote is never closed, or something follows one
 */
export async function* parseCsv(texts: AsyncIterable<string> | Iterable<string>): AsyncIterable<CsvRow> {
  let line = 1;
  let row: CsvRow = { line, cells: [] };
  let cell = "";
  let state: "start" | "plain" | "quoted" | "closed" = "start";
  const endCell = () => {
    row.cells.push(cell);
    cell = "";
    state = "start";
  };
  for await (const text of texts) {
    for (const character of text) {
      if (character === "\n") line += 1;
      if (state === "quoted") {
        if (character === '"') state = "closed";
        else cell += character;
      } else if (character === '"' && state === "start") state = "quoted";
      else if (character === '"' && state === "closed") {
        cell += '"';
        state = "quoted";
      } else if (character === ",") endCell();
      else if (character === "\n") {
        if (state === "plain" && cell.endsWith("\r")) cell = cell.slice(0, -1);
        endCell();
        if (row.cells.length > 1 || row.cells[0] !== "") yield row;
        row = { line, cells: [] };
      } else if (state !== "closed") {
        cell += character;
        state = "plain";
      } else if (character !== "\r") {
        throw new SyntaxError(`Line ${line} has something behind a closing quote`);
      }
    }
  }
  if (state === "quoted") throw new SyntaxError(`The quote that line ${row.line} opens is never closed`);
  if (state !== "start" || row.cells.length > 0) {
    endCell();
    yield row;
  }
}

/**
 * The rows of a CSV file in UTF-8.
 *
 * @throws SyntaxError as `parseCsv`; TypeError where the file is no UTF-8
 */
export function readCsv(file: string): AsyncIterable<CsvRow> {
  return parseCsv(decodeUtf8(file));
}

/** The items of a cell that holds several: separated by commas, each in quotes where it holds one itself. */
export function splitCell(cell: string): string[] {
  const items: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"\s*(?=,|$)|([^,]*))(,|$)/gy;
  for (let match = pattern.exec(cell); match !== null; match = pattern.exec(cell)) {
    items.push(match[1]?.replaceAll('""', '"') ?? (match[2] as string).trim());
    if (match[3] === "") break;
  }
  return items;
}

async function* decodeUtf8(file: string): AsyncIterable<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of readBytes(file)) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
