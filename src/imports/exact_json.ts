/**
 * JSON that keeps its numbers: `JSON.parse` turns 9007199254740993 into …992 and 0.1e400 into Infinity. A number that JavaScript
 * cannot write back the same way stays as its own text, which JSON.stringify writes out unchanged.
 */

interface RawNumber {
  rawJSON: string;
}

/** Not in TypeScript's library yet. */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};

/** Only a number this long, or with an exponent, can be bent; everything else takes the fast way. */
const mayBend = /[0-9.]{16}|[0-9][eE][+-]?[0-9]/;

/** @throws SyntaxError where the text is no JSON */
export function parseExact(text: string): unknown {
  if (!mayBend.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? json.rawJSON(source) : value,
  );
}

/** The text of a number as the source wrote it; undefined for what is no number. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return json.isRawJSON(value) ? value.rawJSON : undefined;
}

/** Whether a value is an object with members: no array, no null, no number that kept its text. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !json.isRawJSON(value);
}
