/** The part of Airtable's formulas that readers use for filters: fields, literals, comparisons, arithmetic and a few functions. */

export type Value = string | number | boolean | Date | null;

/** What a formula is asked about. */
export interface Scope {
  /** @throws FormulaError where there is no such field */
  field(name: string): Value;
  recordId: string;
  createdTime: string;
  lastModifiedTime: string;
}

export class FormulaError extends Error {}

type Expression = (scope: Scope) => Value;

const tokenPattern =
  /\s*(?:(\d+(?:\.\d+)?)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|\{((?:[^}\\]|\\.)*)\}|([A-Za-z_][A-Za-z_0-9]*)|(!=|<=|>=|[=<>&+\-*/(),]))/gy;

type Token = { kind: "number" | "text" | "field" | "word" | "sign"; text: string };

const functions: Record<string, (values: Value[], scope: Scope) => Value> = {
  RECORD_ID: (_values, { recordId }) => recordId,
  CREATED_TIME: (_values, { createdTime }) => new Date(createdTime),
  LAST_MODIFIED_TIME: (_values, { lastModifiedTime }) => new Date(lastModifiedTime),
  AND: (values) => values.every(isTrue),
  OR: (values) => values.some(isTrue),
  NOT: ([value = null]) => !isTrue(value),
  IF: ([condition = null, yes = null, no = null]) => (isTrue(condition) ? yes : no),
  TRUE: () => true,
  FALSE: () => false,
  BLANK: () => null,
  IS_AFTER: ([one = null, other = null]) => time(one) > time(other),
  IS_BEFORE: ([one = null, other = null]) => time(one) < time(other),
  IS_SAME: ([one = null, other = null]) => time(one) === time(other),
  DATETIME_PARSE: ([value = null]) => {
    const parsed = new Date(String(value));
    return Number.isNaN(parsed.getTime()) ? null : parsed;
  },
  LOWER: ([value = null]) => text(value).toLowerCase(),
  UPPER: ([value = null]) => text(value).toUpperCase(),
  LEN: ([value = null]) => text(value).length,
  FIND: ([part = null, whole = null]) => text(whole).indexOf(text(part)) + 1,
  SEARCH: ([part = null, whole = null]) => text(whole).toLowerCase().indexOf(text(part).toLowerCase()) + 1 || null,
};

/**
 * Reads a formula.
 *
 * @returns whether a record passes it: what comes out as 0, false, "" or nothing does not, which is Airtable's documented trap
 * @throws FormulaError
 */
export function parseFormula(source: string): (scope: Scope) => boolean {
  const tokens = tokenize(source);
  let at = 0;
  const isSign = (...signs: string[]) => tokens[at]?.kind === "sign" && signs.includes(tokens[at]?.text ?? "");
  const take = (sign: string) => {
    if (!isSign(sign)) throw new FormulaError(`"${sign}" was expected`);
    at += 1;
  };

  const binary = (
    next: () => Expression,
    operators: Record<string, (left: Value, right: Value) => Value>,
  ): Expression => {
    let left = next();
    while (isSign(...Object.keys(operators))) {
      const operate = operators[tokens[at]?.text ?? ""] as (left: Value, right: Value) => Value;
      at += 1;
      const [before, after] = [left, next()];
      left = (scope) => operate(before(scope), after(scope));
    }
    return left;
  };
  const comparison = (): Expression =>
    binary(concatenation, {
      "=": (left, right) => compare(left, right) === 0,
      "!=": (left, right) => compare(left, right) !== 0,
      "<": (left, right) => compare(left, right) < 0,
      ">": (left, right) => compare(left, right) > 0,
      "<=": (left, right) => compare(left, right) <= 0,
      ">=": (left, right) => compare(left, right) >= 0,
    });
  const concatenation = (): Expression => binary(sum, { "&": (left, right) => text(left) + text(right) });
  const sum = (): Expression =>
    binary(product, {
      "+": (left, right) => Number(left) + Number(right),
      "-": (left, right) => Number(left) - Number(right),
    });
  const product = (): Expression =>
    binary(single, {
      "*": (left, right) => Number(left) * Number(right),
      "/": (left, right) => Number(left) / Number(right),
    });
  const single = (): Expression => {
    const token = tokens[at];
    if (token === undefined) throw new FormulaError("it ends too early");
    at += 1;
    switch (token.kind) {
      case "number":
        return () => Number(token.text);
      case "text":
        return () => token.text;
      case "field":
        return ({ field }) => field(token.text);
      case "word":
        return isSign("(") ? call(token.text) : ({ field }) => field(token.text);
      default: {
        if (token.text === "-") {
          const value = single();
          return (scope) => -Number(value(scope));
        }
        if (token.text !== "(") throw new FormulaError(`"${token.text}" was not expected`);
        const inner = comparison();
        take(")");
        return inner;
      }
    }
  };
  const call = (name: string): Expression => {
    const run = functions[name.toUpperCase()];
    if (run === undefined) throw new FormulaError(`Unknown function: ${name}`);
    take("(");
    const values: Expression[] = [];
    while (!isSign(")")) {
      if (values.length > 0) take(",");
      values.push(comparison());
    }
    take(")");
    return (scope) =>
      run(
        values.map((value) => value(scope)),
        scope,
      );
  };

  const whole = comparison();
  if (at < tokens.length) throw new FormulaError(`"${tokens[at]?.text}" was not expected`);
  return (scope) => isTrue(whole(scope));
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (source.slice(at).trim() !== "") {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(source);
    if (match === null) throw new FormulaError(`"${source.slice(at).trim()[0]}" was not expected`);
    at = tokenPattern.lastIndex;
    const [, number, double, single, field, word, sign] = match;
    const withoutEscapes = (value: string) => value.replace(/\\(.)/g, "$1");
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (double !== undefined || single !== undefined) {
      tokens.push({ kind: "text", text: withoutEscapes(double ?? single ?? "") });
    } else if (field !== undefined) tokens.push({ kind: "field", text: withoutEscapes(field) });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else tokens.push({ kind: "sign", text: sign as string });
  }
  return tokens;
}

function isTrue(value: Value): boolean {
  return value !== null && value !== false && value !== 0 && value !== "" && !Number.isNaN(value);
}

/** The order of two values as sorting and comparing see it: nothing comes first. */
export function compare(left: Value, right: Value): number {
  if (left instanceof Date || right instanceof Date) return time(left) - time(right);
  if (typeof left === "number" && typeof right === "number") return left - right;
  const [one, other] = [text(left), text(right)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function text(value: Value): string {
  if (value === null) return "";
  return value instanceof Date ? value.toISOString() : String(value);
}

function time(value: Value): number {
  return value instanceof Date ? value.getTime() : Date.parse(text(value));
}
