/**
 * Rows for any table, made from the catalog alone: values by type, references to rows that are there, combinations that every check
 * constraint admits, states in which a row may be. Values are written as PostgreSQL reads them, as text.
 */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import pg from "pg";
import { errorCode, errorMessage } from "../../src/errors.ts";
import type { Check, Column, Reference, Table } from "./catalog.ts";

export type Row = Record<string, unknown>;
export type Values = Record<string, string | null>;

export interface RowWish {
  /** Stands in every text, to be found where it should not be. */
  canary: string;
  /** Whether everything that can be filled in is; where not, whatever may be empty is, and what is true of the others is false. */
  isFull: boolean;
  /** The columns that a statement may name; all where nothing is said. */
  columns?: readonly string[];
  /** What some columns must hold. */
  fixed?: Values;
  /** Rows that may be referred to, by table; those that come first are taken first. */
  targets: (table: string) => Row[];
  /** Which of a state machine's states the row may have. */
  states?: readonly string[];
}

let serial = 0;

const quote = pg.escapeIdentifier;

/** Makes a row of the table and gives it as it is in the database; tries others where a unique key is taken. Undefined where all are. */
export async function insertRow(client: pg.ClientBase, table: Table, wish: RowWish): Promise<Row | undefined> {
  const made = await tryValues(client, table, wish, "release savepoint trial");
  return made?.row;
}

/** Values for a row that could be inserted now, beside those that are fixed. */
export async function draftRow(client: pg.ClientBase, table: Table, wish: RowWish): Promise<Values | undefined> {
  const made = await tryValues(client, table, wish, "rollback to savepoint trial; release savepoint trial");
  for (const name of Object.keys(wish.fixed ?? {})) delete made?.values[name];
  return made?.values;
}

async function tryValues(
  client: pg.ClientBase,
  table: Table,
  wish: RowWish,
  afterwards: string,
): Promise<{ values: Values; row: Row } | undefined> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const values = await chooseValues(client, table, wish, attempt);
    try {
      const insert = `${insertion(table, values)} returning to_jsonb(t) as row`;
      const results = (await client.query(`savepoint trial; ${insert}; ${afterwards}`)) as unknown as pg.QueryResult[];
      return { values, row: results[1]?.rows[0].row as Row };
    } catch (error) {
      await client.query("rollback to savepoint trial; release savepoint trial");
      if (errorCode(error) !== "23505") {
        throw new Error(`No row of ${table.name} can be made: ${errorMessage(error)}`, { cause: error });
      }
    }
  }
  return undefined;
}

/** The statement that inserts these values. */
export function insertion(table: Table, values: Values): string {
  const names = Object.keys(values);
  const written = names.map((name) => literal(values[name] ?? null, table, name));
  return `insert into ${table.name} as t (${names.map(quote).join(", ")}) values (${written.join(", ")})`;
}

/** A value as SQL, of the column's type. */
export function literal(value: string | null, table: Table, column: string): string {
  const type = table.columns.find(({ name }) => name === column)?.type ?? "text";
  return value === null ? `null::${type}` : `${pg.escapeLiteral(value)}::${type}`;
}

async function chooseValues(client: pg.ClientBase, table: Table, wish: RowWish, attempt: number): Promise<Values> {
  serial += 1;
  const chosen: Values = { ...wish.fixed };
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const mayName = (name: string) => wish.columns === undefined || wish.columns.includes(name);
  let rotation = attempt;
  for (const reference of table.references) {
    const { columns } = reference;
    if (!columns.every((name) => name in chosen || (mayName(name) && byName.has(name)))) continue;
    const open = columns.filter((name) => !(name in chosen));
    const fitting = fittingTargets(reference, chosen, wish);
    const target = fitting[rotation % Math.max(fitting.length, 1)];
    rotation = Math.floor(rotation / Math.max(fitting.length, 1));
    const optional = open.filter((name) => byName.get(name)?.isNullable);
    if (target === undefined || (optional.length > 0 && !wish.isFull)) {
      for (const name of optional) chosen[name] = null;
    } else {
      Object.assign(chosen, pointers(reference, target));
    }
  }
  const isChecked = (name: string) => table.checks.some(({ columns }) => columns.includes(name) && columns.length > 1);
  const isNamed = ({ name, type, isNullable, byDefault }: Column) => {
    if (name in chosen) return false;
    if (byDefault === null && !isNullable) return true;
    if (!mayName(name)) return false;
    if (wish.columns !== undefined) return true;
    return byDefault === null || /^(text|jsonb|boolean)$/.test(type) || name === table.birth?.column || isChecked(name);
  };
  const inQuestion = new Map<string, (string | null)[]>();
  for (const column of table.columns) if (isNamed(column)) inQuestion.set(column.name, candidates(table, column, wish));
  for (const group of connected(table.checks)) {
    // A reference that a check forbids gives way to none, and none to one that it demands.
    for (const name of group.columns) {
      const reference = table.references.find(({ columns }) => columns.includes(name));
      if (!(name in chosen) || !reference || !byName.get(name)?.isNullable || name in (wish.fixed ?? {})) continue;
      const { [name]: first = null, ...others } = chosen;
      const targets = fittingTargets(reference, others, wish).slice(0, 3);
      inQuestion.set(name, [
        ...new Set([first, null, ...targets.map((row) => pointers(reference, row)[name] ?? null)]),
      ]);
      delete chosen[name];
    }
    await satisfy(client, table, group, inQuestion, chosen);
  }
  for (const [name, [first = null]] of inQuestion) if (!(name in chosen)) chosen[name] = first;
  return chosen;
}

/** Rows that the reference may point at, given what its columns hold already. */
function fittingTargets({ target, columns, targetColumns }: Reference, chosen: Values, wish: RowWish): Row[] {
  return wish.targets(target).filter((row) =>
    columns.every((name, place) => {
      const value = row[targetColumns[place] as string];
      return value !== null && (!(name in chosen) || chosen[name] === String(value));
    }),
  );
}

function pointers({ columns, targetColumns }: Reference, row: Row): Values {
  return Object.fromEntries(columns.map((name, place) => [name, String(row[targetColumns[place] as string])]));
}

/** Checks that speak of the same columns, together. */
function connected(checks: Check[]): { columns: string[]; expressions: string[] }[] {
  const groups: { columns: string[]; expressions: string[] }[] = [];
  for (const { columns, expression } of checks) {
    const touched = groups.filter((group) => group.columns.some((name) => columns.includes(name)));
    const merged = {
      columns: [...new Set([...touched.flatMap((group) => group.columns), ...columns])],
      expressions: [...touched.flatMap((group) => group.expressions), expression],
    };
    for (const group of touched) groups.splice(groups.indexOf(group), 1);
    groups.push(merged);
  }
  return groups;
}

/** Asks PostgreSQL itself for the first combination that all these checks admit. */
async function satisfy(
  client: pg.ClientBase,
  table: Table,
  { columns, expressions }: { columns: string[]; expressions: string[] },
  inQuestion: Map<string, (string | null)[]>,
  chosen: Values,
): Promise<void> {
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  const lists = columns.map((name) => {
    const { type, byDefault = null } = byName.get(name) ?? { type: "text" };
    const values = name in chosen ? [chosen[name] ?? null] : inQuestion.get(name);
    return [...new Set(values)]
      .map((value) => literal(value, table, name))
      .concat(values ? [] : [byDefault ?? `null::${type}`]);
  });
  const search = async (tried: string[][]) => {
    const sources = tried.map(
      (written, place) =>
        `(values ${written.map((value, rank) => `(${rank}, ${value})`).join(", ")}) c${place} (rank, ${quote(columns[place] as string)})`,
    );
    const { rows } = await client.query<Values>(
      `select ${columns.map((name) => `${quote(name)}::text as ${quote(name)}`).join(", ")} from ${sources.join(", ")}
       where ${expressions.map((expression) => `(${expression}) is not false`).join(" and ")}
       order by ${columns.map((_, place) => `c${place}.rank`).join(", ")} limit 1`,
    );
    return rows;
  };
  // The likeliest alone, before all combinations, of which there can be millions.
  let rows = await search(lists.map(([likeliest = "null"]) => [likeliest]));
  if (!rows[0]) rows = await search(lists);
  if (!rows[0]) {
    throw new Error(
      `No row of ${table.name} satisfies ${expressions.join(" and ")}: teach test/security/rows.ts a value for ${columns.join(", ")}.`,
    );
  }
  for (const [name, value] of Object.entries(rows[0])) if (inQuestion.has(name)) chosen[name] = value;
}

/** Values to try for a column, the likeliest first. */
function candidates(table: Table, column: Column, wish: RowWish): (string | null)[] {
  const { name, type, labels, isNullable } = column;
  const compared = table.comparedWith[name] ?? [];
  let values: string[];
  if (name === table.birth?.column) values = [...(wish.states ?? labels)];
  else if (labels.length > 0) values = labels;
  else values = byType(table, column, wish);
  if (type === "text" && labels.length === 0) values = [...values, ...compared];
  if (!isNullable) return values;
  return wish.isFull ? [...values, null] : [null, ...values];
}

function byType(table: Table, { name, type }: Column, { canary, isFull }: RowWish): string[] {
  const word = `${canary}-${serial}`;
  const future = `2126-01-01T00:00:00.${String(serial % 1000).padStart(3, "0")}Z`;
  const expressions = table.checks.filter(({ columns }) => columns.includes(name)).map(({ expression }) => expression);
  switch (type) {
    case "text":
      return [word, `${word}@canary.test`, ...expressions.flatMap(fitting)];
    case "jsonb":
    case "json":
      return shapes(expressions, word).map((shape) => JSON.stringify(shape));
    case "boolean":
      return isFull ? ["true", "false"] : ["false", "true"];
    case "uuid":
      return [randomUUID()];
    case "bytea":
      return [`\\x${Buffer.from(word).toString("hex")}`];
    case "smallint":
      return [String(serial % 30_000), "0", "1"];
    case "integer":
    case "bigint":
    case "numeric":
    case "double precision":
    case "real":
      return [String(serial), "0", "1", ...bounds(expressions)];
    case "xid8":
      return ["3"];
    case "date":
      return [future.slice(0, 10)];
    case "timestamp with time zone":
      return [future];
    case "interval":
      return ["1 day"];
    case "inet":
      return ["127.0.0.1"];
    case "text[]":
      return [`{${word}}`, "{}", ...expressions.flatMap(fitting).map((text) => `{${text}}`)];
    default:
      if (type.endsWith("[]")) return ["{}"];
      throw new Error(`${table.name}.${name} has the type ${type}: teach test/security/rows.ts a value of it.`);
  }
}

/** Texts that a check asks for: those it names, and those that its patterns match. */
function fitting(expression: string): string[] {
  const found: string[] = [];
  for (const [, operator, value = ""] of expression.matchAll(/(~\*?)?\s*'((?:[^']|'')*)'::/g)) {
    const text = value.replaceAll("''", "'");
    if (operator === undefined) found.push(text);
    else found.push(...fc.sample(fc.stringMatching(new RegExp(text)), { numRuns: 2, seed: 1 }));
  }
  return found;
}

/** The numbers that checks name, and their neighbours. */
function bounds(expressions: string[]): string[] {
  const named = expressions.flatMap((text) => text.match(/\b\d+\b/g) ?? []).map(Number);
  return named.flatMap((number) => [number, number + 1, number - 1].map(String));
}

/** Objects and lists, and objects with the keys that a check asks for. */
function shapes(expressions: string[], word: string): unknown[] {
  const keys = [...new Set(expressions.flatMap((text) => [...text.matchAll(/->>? '(\w+)'/g)].map(([, key]) => key)))];
  const kinds = [{ canary: word }, [{ canary: word }], word, 1];
  let keyed: Record<string, unknown>[] = [{ canary: word }];
  for (const key of keys.slice(0, 4)) {
    keyed = keyed.flatMap((shape) => kinds.map((kind) => ({ ...shape, [key as string]: kind })));
  }
  return [...(keys.length > 0 ? keyed : []), { canary: word }, [word], word];
}
