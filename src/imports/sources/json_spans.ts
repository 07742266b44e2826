/**
 * Finds where values begin and end in JSON text, without reading them: a page is cut into its records, and each record keeps
 * the exact bytes that the source sent (JSON.parse would bend long numbers and drop doubled keys).
 */

export interface Span {
  start: number;
  /** The byte after the last one. */
  end: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export interface Member {
  key: string;
  value: Span;
}

/**
 * The members of the object that a text is made of, in order, doubled keys included.
 *
 * @throws SyntaxError where the text is no whole object: cut short, or not JSON
 */
export function memberSpans(text: Uint8Array): Member[] {
  const members: Member[] = [];
  let at = expectByte(text, skipSpace(text, 0), openBrace);
  at = skipSpace(text, at);
  while (text[at] !== closeBrace) {
    const key = valueSpan(text, at);
    if (text[key.start] !== quote) throw new SyntaxError(`A key was expected at byte ${key.start}`);
    at = expectByte(text, skipSpace(text, key.end), colon);
    const value = valueSpan(text, skipSpace(text, at));
    members.push({ key: JSON.parse(sliceText(text, key)), value });
    at = nextItem(text, value.end, closeBrace);
  }
  if (skipSpace(text, at + 1) !== text.length) throw new SyntaxError(`Nothing was expected at byte ${at + 1}`);
  return members;
}

/**
 * The elements of the array at a span.
 *
 * @throws SyntaxError where it is no whole array
 */
export function elementSpans(text: Uint8Array, array: Span): Span[] {
  const elements: Span[] = [];
  let at = skipSpace(text, expectByte(text, array.start, openBracket));
  while (text[at] !== closeBracket) {
    const element = valueSpan(text, at);
    elements.push(element);
    at = nextItem(text, element.end, closeBracket);
  }
  return elements;
}

/** Where the value of a key stands; of doubled keys the last one counts, as everywhere in JSON. */
export function memberSpan(text: Uint8Array, key: string): Span | undefined {
  return memberSpans(text).findLast((member) => member.key === key)?.value;
}

/** The text at a span. */
export function sliceText(text: Uint8Array, span: Span): string {
  return Buffer.from(text.buffer, text.byteOffset + span.start, span.end - span.start).toString("utf8");
}

function valueSpan(text: Uint8Array, start: number): Span {
  switch (text[start]) {
    case quote:
      return { start, end: stringEnd(text, start) };
    case openBrace:
    case openBracket:
      return { start, end: containerEnd(text, start) };
    default:
      return { start, end: literalEnd(text, start) };
  }
}

function stringEnd(text: Uint8Array, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === backslash) at += 1;
    else if (text[at] === quote) return at + 1;
  }
  throw new SyntaxError(`The text ends inside the string at byte ${start}`);
}

function containerEnd(text: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === quote) at = stringEnd(text, at) - 1;
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  throw new SyntaxError(`The text ends inside the value at byte ${start}`);
}

function literalEnd(text: Uint8Array, start: number): number {
  let end = start;
  while (end < text.length && isLiteralByte(text[end] as number)) end += 1;
  if (end === start) throw new SyntaxError(`A value was expected at byte ${start}`);
  return end;
}

/** Lower-case letters, digits, E, plus, minus and the dot: numbers, true, false and null. */
function isLiteralByte(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isLetter = byte >= 0x61 && byte <= 0x7a;
  return isDigit || isLetter || byte === 0x45 || byte === 0x2b || byte === 0x2d || byte === 0x2e;
}

/** From behind an item to the next one, or to the closing byte. */
function nextItem(text: Uint8Array, end: number, closing: number): number {
  const at = skipSpace(text, end);
  if (text[at] === closing) return at;
  const next = skipSpace(text, expectByte(text, at, comma));
  if (text[next] === closing) throw new SyntaxError(`A value was expected at byte ${next}`);
  return next;
}

function expectByte(text: Uint8Array, at: number, byte: number): number {
  if (text[at] === byte) return at + 1;
  const found = at < text.length ? "something else stands there" : "the text ends there";
  throw new SyntaxError(`"${String.fromCharCode(byte)}" was expected at byte ${at}, but ${found}`);
}

function skipSpace(text: Uint8Array, start: number): number {
  let at = start;
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at += 1;
  return at;
}
