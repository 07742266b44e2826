import { readBytes } from "./lines.ts";

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** A list that holds only one page of its records: whoever saved it stopped reading there. */
export class PartialList extends Error {}

/**
 * The records of a file `{"records": […]}`, each byte for byte, without holding more than one of them.
 *
 * @throws SyntaxError where the file is cut short or is no such list; PartialList where an `offset` says that more should follow
 */
export async function* readJsonList(file: string): AsyncIterable<Buffer> {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let isInList = false;
  let hasList = false;
  let hasEnded = false;
  /** The last string directly within the outermost object: before a colon it is a key. */
  let word: Buffer[] = [];
  let key = "";
  let offset: string | null = null;
  let element: Buffer[] = [];

  for await (const chunk of readBytes(file)) {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (isInString) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          isInString = false;
          if (depth === 1) {
            word.push(chunk.subarray(start, at));
            if (key === "offset") offset = Buffer.concat(word).toString("utf8");
          }
        }
        continue;
      }
      if (byte <= 0x20) continue;
      if (hasEnded) throw new SyntaxError("Something follows the list's end");
      if (isInList && depth === 2 && byte !== openBrace && byte !== comma && byte !== closeBracket) {
        throw new SyntaxError("One of its records is no object");
      }
      switch (byte) {
        case quote:
          isInString = true;
          if (depth === 1) {
            word = [];
            start = at + 1;
          }
          break;
        case colon:
          if (depth === 1) key = Buffer.concat(word).toString("utf8");
          break;
        case comma:
          if (depth === 1) key = "";
          break;
        case openBrace:
        case openBracket:
          if (depth === 0 && byte !== openBrace) throw new SyntaxError('It does not begin with {"records": […]}');
          if (depth === 1 && key === "records") {
            if (byte !== openBracket) throw new SyntaxError("Its records are no array");
            isInList = true;
            hasList = true;
          }
          if (depth === 2 && isInList) start = at;
          depth += 1;
          break;
        case closeBrace:
        case closeBracket:
          depth -= 1;
          if (depth === 2 && isInList) {
            yield Buffer.concat([...element, chunk.subarray(start, at + 1)]);
            element = [];
          } else if (depth === 1) isInList = false;
          else if (depth === 0) hasEnded = true;
          break;
      }
    }
    if (isInString && depth === 1) word.push(chunk.subarray(start));
    if (isInList && depth > 2) element.push(chunk.subarray(start));
  }
  if (!hasEnded) throw new SyntaxError("The file ends inside the list");
  if (!hasList) throw new SyntaxError("It has no records");
  if (offset !== null) throw new PartialList(`Its offset ${offset} says that more records should follow`);
}
