/** Calls of functions, their arguments made from their names and types: ids of the one tenant, of the other, of nobody. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { TestDatabase } from "../support/database.ts";
import type { Table } from "./catalog.ts";
import type { Row } from "./rows.ts";

export interface Argument {
  name: string;
  type: string;
  labels: string[];
  isOptional: boolean;
}

export interface FunctionUnderTest {
  /** With the types of its arguments, as expectations.ts names it. */
  signature: string;
  name: string;
  isDefiner: boolean;
  arguments: Argument[];
}

/** Every function of ours that can be called: of exposed schemas, and definers wherever they are. Triggers call themselves. */
export function readFunctions(database: TestDatabase): Promise<FunctionUnderTest[]> {
  return database.query<FunctionUnderTest & pg.QueryResultRow>(`
    select p.oid::regprocedure::text as signature, p.oid::regproc::text as name, p.prosecdef as "isDefiner",
      (
        select coalesce(json_agg(json_build_object(
          'name', a.name, 'type', format_type(a.type, null), 'isOptional', a.place > p.pronargs - p.pronargdefaults,
          'labels', (select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]') from pg_enum e where e.enumtypid = a.type)
        ) order by a.place), '[]')
        from (
          select p.proargnames[i.place] as name, i.type, row_number() over (order by i.place) as place
          from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality i (type, place)
          where coalesce(p.proargmodes[i.place], 'i') in ('i', 'b', 'v')
        ) a
      ) as arguments
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspowner = '${database.rolePrefix}_owner'::regrole and n.nspname !~ '^(graphile_|pg_)' and p.prorettype <> 'trigger'::regtype
      and (p.prosecdef or exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner))
    order by 1`);
}

/** The word for one of what a table is called after. */
export function singularOf(plural: string): string {
  return plural
    .replace(/ies$/, "y")
    .replace(/(ch|sh|ss|x)es$/, "$1")
    .replace(/([^s])s$/, "$1");
}

/** What arguments are called after no table. */
const namesake: Record<string, string> = {
  row: "client",
  kept: "client",
  from_version: "journey_version",
  to_version: "journey_version",
};

/** The table that an argument's name speaks of: client_id of clients, from_version_id of versions; of its own schema first. */
export function tableOf({ name, type }: Argument, schema: string, tables: Table[]): Table | undefined {
  const byType = tables.find((table) => table.name === type);
  if (byType) return byType;
  if (!/^uuid(\[\])?$/.test(type)) return undefined;
  const plain = name.replace(/_ids?$/, "");
  const words = namesake[plain] ?? plain;
  const speaksOf = (table: Table) => {
    const singular = singularOf(table.name.split(".")[1] ?? "");
    const isSame = words === singular;
    const isPart = words.endsWith(`_${singular}`) || singular.endsWith(`_${words.split("_").at(-1)}`);
    return (isSame ? 4 : isPart ? 2 : 0) + (table.name.startsWith(`${schema}.`) ? 1 : 0);
  };
  const [best] = tables
    .filter(({ class: kind }) => kind === "tenant" || kind === "global")
    .map((table) => ({ table, rank: speaksOf(table) }))
    .sort((one, other) => other.rank - one.rank);
  return best && best.rank > 1 ? best.table : undefined;
}

export interface CallWish {
  /** The row that an argument points at; a row that is not there where it gives none. */
  pick: (table: Table, argument: string) => Row | undefined;
  /** All rows that it might have picked, for lists. */
  rows: (table: Table, argument: string) => readonly Row[];
  /** Which of an enum's values. */
  turn: number;
  /** What a tenant is called in commands. */
  slug: string;
}

/** The call as SQL, each argument by its name; those that may be left out are, unless they are ids. */
export function callOf(called: FunctionUnderTest, tables: Table[], wish: CallWish): string {
  const schema = called.name.split(".")[0] as string;
  const given = called.arguments.flatMap((argument) => {
    const value = argumentOf(argument, schema, tables, wish);
    return value === undefined ? [] : [`${argument.name} => ${value}::${argument.type}`];
  });
  return `select * from ${called.name}(${given.join(", ")})`;
}

function argumentOf(argument: Argument, schema: string, tables: Table[], wish: CallWish): string | undefined {
  const { name, type, labels, isOptional } = argument;
  const table = tableOf(argument, schema, tables);
  /** All that hang on the same row as this one: a list of touchpoints is that of a journey. */
  const listed = ({ references }: Table, first: Row | undefined) => {
    const parent = references.find(({ columns }) => columns.length === 2 && columns[0] === "tenant_id")?.columns[1];
    const same = first && parent ? wish.rows(table as Table, name).filter((row) => row[parent] === first[parent]) : [];
    return `array[${(first ? same : [{ id: randomUUID() }]).map(({ id }) => `'${String(id)}'`).join(", ")}]::uuid[]`;
  };
  if (table) {
    const row = wish.pick(table, name);
    if (table.name === type)
      return `jsonb_populate_record(null::${type}, ${pg.escapeLiteral(JSON.stringify(row ?? {}))})`;
    const id = (row?.id as string | undefined) ?? randomUUID();
    return type === "uuid[]" ? listed(table, row) : `'${id}'`;
  }
  if (labels.length > 0) return `'${labels[wish.turn % labels.length]}'`;
  if (type === "uuid") return `'${randomUUID()}'`;
  if (isOptional && !/^(comments|response|change_log)$/.test(name)) return undefined;
  if (name === "tenant_slug") return `'${wish.slug}'`;
  if (name === "email") return `'admin@${wish.slug}.test'`;
  if (name === "table_name") return "'journeys.clients'";
  if (name === "query") return "'canary'";
  if (name === "slug") return "'a-slug'";
  if (name === "token_ciphertext") return `'v1:${"A".repeat(60)}'`;
  if (name === "source_text") return `'{"a": 1}'`;
  const values: Record<string, string> = {
    text: "'a text'",
    jsonb: "'{}'",
    bytea: "'\\x00'",
    boolean: "true",
    integer: "1",
    numeric: "1",
    inet: "'127.0.0.1'",
    interval: "'1 hour'",
    "timestamp with time zone": "now()",
    regclass: "'journeys.clients'",
    "text[]": "'{}'",
  };
  const value = values[type] ?? (type.endsWith("[]") ? "'{}'" : undefined);
  if (value === undefined) throw new Error(`${name} ${type}: teach test/security/calls.ts a value of this type.`);
  return value;
}
