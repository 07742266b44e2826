/** docs/database.md, from the catalog and its comments. */
import type { ClientBase } from "pg";
import { allRules } from "./rules/all_rules.ts";
import type { Rule } from "./rules/rule.ts";

interface SchemaRow {
  name: string;
  comment: string;
}

interface TableRow {
  schema: string;
  name: string;
  table_class: string;
  comment: string;
  columns: { name: string; type: string; isRequired: boolean; default: string | null; comment: string | null }[];
  keys: { name: string; definition: string; comment: string | null }[];
  indexes: string[];
  rights: { role: string; verb: string; columns: string[] | null }[];
  policies: { role: string; verb: string; rows: string }[];
  triggers: { name: string; call: string }[];
}

interface FunctionRow {
  schema: string;
  name: string;
  arguments: string;
  result: string;
  comment: string;
  roles: string[];
}

interface ViewRow extends SchemaRow {
  schema: string;
  columns: { name: string; comment: string }[];
}

interface Machine {
  name: string;
  steps: { from: string | null; to: string; roles: string[] }[];
}

/**
 * The page on schemas, tables, state machines and functions, as Markdown.
 *
 * @param client connected to a database that is fully migrated, as anybody
 * @param rolePrefix start of every role's name, which the page leaves out
 */
export async function documentDatabase(client: ClientBase, rolePrefix: string): Promise<string> {
  await client.query("set search_path = pg_catalog");
  const schemas = (await client.query<SchemaRow>(schemasSql, [rolePrefix])).rows;
  const tables = (await client.query<TableRow>(tablesSql, [rolePrefix])).rows;
  const views = (await client.query<ViewRow>(viewsSql, [rolePrefix])).rows;
  const types = (await client.query<SchemaRow & { schema: string; labels: string[] }>(typesSql, [rolePrefix])).rows;
  const functions = (await client.query<FunctionRow>(functionsSql, [rolePrefix])).rows;
  const machines = (await client.query<Machine>(machinesSql)).rows;

  const parts = [introduction];
  parts.push(listOf(schemas.map(({ name, comment }) => `[\`${name}\`](#${name}): ${comment}`)));
  parts.push("## State machines\n", machinesIntroduction, ...machines.map(describeMachine));
  for (const { name, comment } of schemas) {
    const within = <T extends { schema: string }>(rows: T[]) => rows.filter((row) => row.schema === name);
    parts.push(`## ${name}\n`, `${comment}\n`, ...within(tables).map(describeTable));
    const [itsViews, itsTypes, itsFunctions] = [within(views), within(types), within(functions)];
    if (itsViews.length > 0) {
      parts.push(`### Views of ${name}\n`, listOf(itsViews.map(describeView)));
    }
    if (itsTypes.length > 0) {
      parts.push(
        `### Enums of ${name}\n`,
        tableOf(
          ["Type", "What it says", "Values, in their order"],
          itsTypes.map((type) => [`\`${type.name}\``, type.comment, type.labels.map(code).join(" ")]),
        ),
      );
    }
    if (itsFunctions.length > 0) {
      parts.push(
        `### Functions of ${name}\n`,
        tableOf(
          ["Function", "What it does", "For"],
          itsFunctions.map((row) => [
            `\`${row.name}(${row.arguments})\` → \`${row.result}\``,
            withoutTags(row.comment),
            row.roles.join(", ") || "the owner",
          ]),
        ),
      );
    }
  }
  parts.push("## What holds throughout\n", rulesIntroduction, ...allRules.map(describeRule));
  return `${parts.join("\n").trimEnd()}\n`;
}

const introduction = `# The database

<!-- Generated from the catalog's comments by \`npm run generate\`. -->

Every schema, table, state machine and function of Landfall, as the database describes itself. Of each table: its class, its columns, who may
do what with which rows, and what its constraints say to people. Roles are named without their prefix; an editor may also do what a viewer
may, an admin what an editor may, and a reporter reads what a viewer reads. On top of what is listed, the restrictive policy \`all_tenant\`
holds every role to its own tenant in every tenant table. The owner's policies are left out: they admit every row, for definers and migrations.
`;

const machinesIntroduction = `A status moves by these steps alone, whoever moves it. The one exception is the recorded effect of a running import or rollback batch. In
psql: \`select from_state, to_state, roles from app.transitions where machine = 'journey'\`.
`;

const rulesIntroduction = `Each of these is a query over the catalog (\`src/database/rules\`); the tests run them all, and break each one to see it noticed.
`;

function describeRule({ name, why, exceptions }: Rule): string {
  const allowed = (exceptions ?? []).map(({ offender, because }) => `  - except ${code(offender.source)}: ${because}`);
  return [`- **${name.replaceAll("_", " ")}**: ${why}`, ...allowed].join("\n");
}

function describeMachine({ name, steps }: Machine): string {
  const lines = steps.map(({ from, to, roles }) => `  ${from ?? "[*]"} --> ${to}: ${roles.join(", ")}`);
  return `### ${name.replaceAll("_", " ")}\n\n\`\`\`mermaid\nstateDiagram-v2\n${lines.join("\n")}\n\`\`\`\n`;
}

function describeTable(table: TableRow): string {
  const parts = [`### ${table.schema}.${table.name}\n`, `*${table.table_class}*. ${withoutTags(table.comment)}\n`];
  parts.push(
    tableOf(
      ["Column", "Type", "What it is"],
      table.columns.map(({ name, type, isRequired, default: value, comment }) => [
        code(name),
        `${type}${isRequired ? "" : ", optional"}${value === null ? "" : `, default ${code(value)}`}`,
        withoutTags(comment),
      ]),
    ),
  );
  const rights = describeRights(table);
  if (rights.length > 0) parts.push(tableOf(["Role", "May", "Rows"], rights));
  const spoken = table.keys.map(({ name, definition, comment }) => [
    code(name),
    code(definition),
    withoutTags(comment),
  ]);
  parts.push(tableOf(["Constraint", "Definition", "What it says to people"], spoken));
  if (table.indexes.length > 0) parts.push(`Indexes: ${table.indexes.map(code).join(", ")}.\n`);
  if (table.triggers.length > 0)
    parts.push(`Triggers: ${table.triggers.map(({ name, call }) => `${code(name)} ${call}`).join(", ")}.\n`);
  return parts.join("\n");
}

/** A line, and below it one for each column that says more than its name. */
function describeView({ name, comment, columns }: ViewRow): string {
  const lines = columns.map((column) => `\n  - ${code(column.name)}: ${withoutTags(column.comment)}`);
  return `${code(name)}: ${withoutTags(comment)}${lines.join("")}`;
}

/** A line for every role and the rows that one of its policies admits, with the verbs that share them. */
function describeRights({ rights, policies }: TableRow): string[][] {
  const lines = new Map<string, { role: string; verbs: string[]; rows: string }>();
  for (const { role, verb, columns } of rights) {
    const rows = policies
      .filter((policy) => policy.verb === verb && policy.role === role)
      .map((policy) => policy.rows)
      .join(" or ");
    const line = lines.get(`${role} ${rows}`) ?? { role, verbs: [], rows };
    line.verbs.push(columns === null ? verb : `${verb} (${columns.join(", ")})`);
    lines.set(`${role} ${rows}`, line);
  }
  return [...lines.values()].map(({ role, verbs, rows }) => [role, verbs.join(", "), rows === "" ? "all" : code(rows)]);
}

/** A comment without its smart tags, which speak to the API's generator alone. */
function withoutTags(comment: string | null): string {
  return (comment ?? "").replace(/^@.*(\n|$)/gm, "").trim();
}

function code(text: string): string {
  return `\`${text}\``;
}

function listOf(lines: string[]): string {
  return `${lines.map((line) => `- ${line}`).join("\n")}\n`;
}

function tableOf(heads: string[], rows: string[][]): string {
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " ")).join(" | ")} |`;
  return [line(heads), `|${heads.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n").concat("\n");
}

const ours = `
  ours as (
    select n.oid, n.nspname from pg_namespace n
    where n.nspowner = (select r.oid from pg_roles r where r.rolname = $1::text || '_owner') and n.nspname !~ '^graphile_'
  )`;

const schemasSql = `with ${ours} select s.nspname as name, obj_description(s.oid, 'pg_namespace') as comment from ours s order by 1`;

const viewsSql = `with ${ours}
  select s.nspname as schema, c.relname as name, obj_description(c.oid, 'pg_class') as comment,
    (
      select coalesce(json_agg(json_build_object('name', a.attname, 'comment', d.description) order by a.attnum), '[]')
      from pg_attribute a join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = a.attrelid and d.objsubid = a.attnum
      where a.attrelid = c.oid and a.attnum > 0
    ) as columns
  from pg_class c join ours s on s.oid = c.relnamespace where c.relkind = 'v' order by 1, 2`;

const typesSql = `with ${ours}
  select s.nspname as schema, t.typname as name, coalesce(obj_description(t.oid, 'pg_type'), '') as comment,
    array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
  from pg_type t join ours s on s.oid = t.typnamespace where t.typtype = 'e' order by 1, 2`;

const functionsSql = `with ${ours}
  select s.nspname as schema, p.proname as name, pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result,
    coalesce(obj_description(p.oid, 'pg_proc'), '') as comment,
    array(
      select substring(r.rolname from length($1) + 2) from aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee
      where a.grantee <> p.proowner order by 1
    ) as roles
  from pg_proc p join ours s on s.oid = p.pronamespace
  where p.prorettype <> 'trigger'::regtype
  order by 1, 2, 3`;

const machinesSql = `
  select t.machine as name, json_agg(json_build_object('from', t.from_state, 'to', t.to_state, 'roles', t.roles) order by t.id) as steps
  from app.transitions t group by t.machine order by 1`;

/** Rows as a policy says them, read aloud: the helpers without the subquery that makes them run once. */
const readAloud = (expression: string) =>
  `regexp_replace(${expression}, '\\( *SELECT (app\\.current_[a-z_]+\\(\\)) AS [a-z_]+\\)(::[a-z\\[\\]]+)?', '\\1', 'g')`;

const tablesSql = `with ${ours}
  select
    s.nspname as schema, c.relname as name,
    substring(obj_description(c.oid, 'pg_class') from '@class ([a-z]+)') as table_class, obj_description(c.oid, 'pg_class') as comment,
    (
      select coalesce(json_agg(json_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'isRequired', a.attnotnull,
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end, 'comment', col_description(c.oid, a.attnum)
      ) order by a.attnum), '[]')
      from pg_attribute a left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    (
      select coalesce(json_agg(json_build_object(
        'name', k.conname, 'definition', pg_get_constraintdef(k.oid), 'comment', obj_description(k.oid, 'pg_constraint')
      ) order by array_position('{p,u,f,c}'::text[], k.contype::text), k.conname), '[]')
      from pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'f', 'c')
    ) as keys,
    (
      select coalesce(json_agg(i.indexrelid::regclass::text order by 1), '[]')
      from (
        select i.indexrelid, x.relname from pg_index i join pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))
        order by x.relname
      ) i
    ) as indexes,
    (
      select coalesce(json_agg(json_build_object('role', g.role, 'verb', g.verb, 'columns', g.columns)
        order by array_position('{visitor,client,viewer,editor,admin,operator,worker,reporter,automation,authenticator}'::text[], g.role),
          array_position('{select,insert,update,delete}'::text[], g.verb)), '[]')
      from (
        select substring(r.rolname from length($1) + 2) as role, lower(x.privilege_type) as verb,
          case when bool_and(x.attname is not null) then json_agg(x.attname order by x.attnum) end as columns
        from (
          select a.grantee, a.privilege_type, null::name as attname, 0 as attnum from aclexplode(c.relacl) a
          union all
          select a.grantee, a.privilege_type, t.attname, t.attnum
          from pg_attribute t cross join lateral aclexplode(t.attacl) a where t.attrelid = c.oid
        ) x
        join pg_roles r on r.oid = x.grantee and r.oid <> c.relowner
        group by r.rolname, x.privilege_type
      ) g
    ) as rights,
    (
      select coalesce(json_agg(json_build_object('role', substring(r.rolname from length($1) + 2), 'verb', v.verb, 'rows',
        ${readAloud("coalesce(pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid))")}) order by p.polname), '[]')
      from pg_policy p
      join (values ('r', 'select'), ('a', 'insert'), ('w', 'update'), ('d', 'delete')) v (cmd, verb) on v.cmd = p.polcmd::text
      join pg_roles r on r.oid = any (p.polroles) and r.oid <> c.relowner
      where p.polrelid = c.oid and p.polpermissive
    ) as policies,
    (
      select coalesce(json_agg(json_build_object('name', g.tgname, 'call', 'calls \`' || f.proname || '\`') order by g.tgname), '[]')
      from pg_trigger g join pg_proc f on f.oid = g.tgfoid where g.tgrelid = c.oid and not g.tgisinternal
    ) as triggers
  from pg_class c
  join ours s on s.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition
  order by 1, 2`;
