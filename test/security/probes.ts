/** What is tried on every table by everybody, and what must come of it. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Actor, World } from "./actors.ts";
import type { Table } from "./catalog.ts";
import {
  type Expectation,
  tables as expectations,
  inherits,
  isAmong,
  partition,
  type Rights,
  views,
  viewsOfNumbers,
  type Which,
  type Word,
} from "./expectations.ts";
import { draftRow, insertion, literal, type Row, type Values } from "./rows.ts";
import type { Tenant } from "./world.ts";

/** A statement, and the outcomes that are right: how many rows it reached, or what refused it. */
export interface Probe {
  /** What is tried: its first word is the verb. */
  what: string;
  sql: string;
  right: RegExp;
  /** It must end as this one does, word for word but for ids. */
  sameAs?: string;
  /** It tries the other tenant's rows, and must fail behind either wall: the restrictive policy, or the permissive ones. */
  isForeign?: true;
}

/** By a grant or a policy. */
const refused = /^42501$/;
/** A trigger may be asked before the policy: a state that cannot be, a record that never changes. */
const refusedOrRuled = /^(42501|LF\d{3})$/;
const nothing = /^0$/;
const one = /^1$/;
/** A state in which this role may bear no row. */
const oneUnlessBorn = /^(1|LF004)$/;
/** One row, or a rule about that row, which is asked after the policy has let it through. */
const reached = /^(1|LF\d{3}|23\d{3}|2BP01)$/;
const linkRefused = /^(23503|23514|LF\d{3}|42501)$/;

const quote = pg.escapeIdentifier;

/** What is declared of a table. */
export function expectationOf({ name, class: kind }: Table): Expectation {
  return kind === "partition" ? partition(name) : (expectations[name] ?? { kind: "undeclared", rights: {} });
}

/** The rights of a role on a table, those that it inherits included. */
export function rightsOf(table: Table, word: Word): Rights {
  const above = inherits[word];
  return { ...(above ? rightsOf(table, above) : {}), ...expectationOf(table).rights[word] };
}

/** The columns that tell a row from every other; the first ones where no key does. */
function keyColumns({ key, uniqueKeys, columns }: Table): string[] {
  if (key.length > 0) return key;
  return uniqueKeys[0] ?? columns.map(({ name }) => name).slice(0, 4);
}

const keyText = (table: Table) =>
  `concat_ws(' ', ${keyColumns(table)
    .map((name) => `to_jsonb(t) ->> '${name}'`)
    .join(", ")})`;

/** The same of a row that was read. */
export function keyOf(table: Table, row: Row): string {
  return keyColumns(table)
    .map((name) => row[name])
    .filter((value) => value !== null)
    .join(" ");
}

const textOf = (value: unknown) =>
  value === null || value === undefined ? null : typeof value === "object" ? JSON.stringify(value) : String(value);

/** The condition that holds for this row alone. */
export function isRow(table: Table, row: Row): string {
  return keyColumns(table)
    .map((name) => {
      const value = textOf(row[name]);
      return `t.${quote(name)} ${value === null ? "is null" : `= ${pg.escapeLiteral(value)}`}`;
    })
    .join(" and ");
}

/** The statement that inserts a row as it is. */
function copying(table: Table, row: Row, isNamed = (_column: string) => true): string {
  const columns = table.columns.flatMap(({ name }) => (isNamed(name) ? [quote(name)] : [])).join(", ");
  const record = `jsonb_populate_record(null::${table.name}, ${pg.escapeLiteral(JSON.stringify(row))})`;
  return `insert into ${table.name} as t (${columns}) select ${columns} from ${record}`;
}

function hasTenant(table: Table): boolean {
  return table.columns.some(({ name }) => name === "tenant_id");
}

/** The columns of a list, "*" being all. */
function names(list: string | undefined, column: string): boolean {
  return list === "*" || (list?.trim().split(/\s+/).includes(column) ?? false);
}

/** What a view shows of the other tenant: nothing, but to the owner, which proves that there is something. */
export function viewProbes({ theirs }: World, { word }: Actor): Probe[] {
  return Object.entries(views).map(([view, readers]) => {
    const shown = word === "owner" && !(view in viewsOfNumbers) ? /^[1-9]/ : nothing;
    return {
      what: `read ${view}`,
      sql: `select from ${view} v where v::text ~ 'meadow|${theirs.id}'`,
      right: word === "owner" || isAmong(readers, word) ? shown : refused,
    };
  });
}

export type Prober = (table: Table, actor: Actor) => Promise<Probe[]>;

/** Makes probes. What could be inserted is found out once for each table, by the administrator in the transaction of this connection. */
export function makeProber(world: World, client: pg.ClientBase): Prober {
  const { ours, theirs } = world;
  const drafts = new Map<string, Promise<Values | undefined>>();
  const firstOfWord = new Map<Word, Actor>();
  for (const actor of world.actors) {
    if (actor.isConfirmed && (!firstOfWord.has(actor.word) || actor.isImport)) firstOfWord.set(actor.word, actor);
  }

  /** Values that would make a row of the tenant, of these columns alone. */
  function draft(table: Table, tenant: Tenant, columns: string | undefined, states: string[] | undefined) {
    const key = JSON.stringify([table.name, tenant.slug, columns, states]);
    const made = drafts.get(key) ?? makeDraft(table, tenant, columns, states);
    drafts.set(key, made);
    return made;
  }

  async function makeDraft(table: Table, tenant: Tenant, columns: string | undefined, states: string[] | undefined) {
    await client.query("savepoint drafts; set local session_replication_role = replica");
    try {
      return await draftRow(client, table, {
        canary: `draft-${tenant.slug}`,
        isFull: true,
        targets: (target) => tenant.rows.get(target) ?? [],
        ...(hasTenant(table) ? { fixed: { tenant_id: tenant.id } } : {}),
        ...(columns === undefined ? {} : { columns: columns.trim().split(/\s+/) }),
        ...(states === undefined ? {} : { states }),
      });
    } finally {
      await client.query("rollback to savepoint drafts; release savepoint drafts");
    }
  }

  /** Rows of the other tenant; one person may be of both. */
  function foreignRows(table: Table): Row[] {
    const own = new Set((ours.rows.get(table.name) ?? []).map((row) => keyOf(table, row)));
    return (theirs.rows.get(table.name) ?? []).filter((row) => !own.has(keyOf(table, row)));
  }

  return async (table, actor) => {
    const rights = rightsOf(table, actor.word);
    const own = ours.rows.get(table.name) ?? [];
    const foreign = foreignRows(table);
    if (!actor.isConfirmed) {
      return [...readings(table, actor, rights, own, foreign), ...(await vainAttempts(table, actor, rights))];
    }
    return [
      ...readings(table, actor, rights, own, foreign),
      ...(await insertions(table, actor, rights, own, foreign)),
      ...updates(table, actor, rights, own, foreign.slice(0, 2)),
      ...deletions(table, actor, rights, own, foreign.slice(0, 2)),
      ...(firstOfWord.get(actor.word) === actor ? beyondPolicies(table, actor, rights) : []),
    ];
  };

  /** Whether somebody with these rights reaches a row of that tenant. */
  function reaches(
    table: Table,
    actor: Actor,
    rights: Rights,
    which: Which | undefined,
    row: Row,
    tenant: Tenant,
  ): boolean {
    if (which === undefined) return false;
    if (rights.beyondTenants || expectationOf(table).isPersonal) return which(row, actor);
    return actor.isConfirmed && tenant.id === actor.tenantId && which(row, actor);
  }

  function readings(table: Table, actor: Actor, rights: Rights, own: Row[], foreign: Row[]): Probe[] {
    const { select } = rights;
    const mayLock = select !== undefined && rights.update !== undefined;
    const locks = foreign.slice(0, 2).map((row) => ({
      what: "lock foreign",
      isForeign: true as const,
      sql: `select from ${table.name} t where ${isRow(table, row)} for update`,
      right: mayLock ? (reaches(table, actor, rights, rights.update?.[1], row, theirs) ? one : nothing) : refused,
    }));
    // To delete is to lock, too.
    const locking = select !== undefined && !mayLock && rights.delete !== undefined ? [] : locks;
    if (select === undefined) return [{ what: "select", sql: `select from ${table.name}`, right: refused }, ...locking];
    const visible = [
      ...own.filter((row) => reaches(table, actor, rights, select, row, ours)),
      ...foreign.filter((row) => reaches(table, actor, rights, select, row, theirs)),
    ];
    const keys = `array[${visible.map((row) => pg.escapeLiteral(keyOf(table, row))).join(", ")}]::text[]`;
    const isMissed = `not exists (select from ${table.name} t where ${keyText(table)} = e.key)`;
    return [
      { what: "select what it may", sql: `select from unnest(${keys}) e (key) where ${isMissed}`, right: nothing },
      ...(rights.beyondTenants
        ? []
        : [
            {
              what: "select what it may not",
              sql: `select from ${table.name} t where ${keyText(table)} <> all (${keys})`,
              right: nothing,
            },
          ]),
      ...(hasTenant(table) && !rights.beyondTenants
        ? [
            {
              what: "select of another tenant",
              isForeign: true as const,
              sql: `select from ${table.name} where tenant_id is distinct from ${literal(actor.tenantId, table, "tenant_id")}`,
              right: nothing,
            },
          ]
        : []),
      ...foreign.slice(0, 2).map((row) => ({
        what: "select foreign by key",
        isForeign: true as const,
        sql: `select from ${table.name} t where ${isRow(table, row)}`,
        right: reaches(table, actor, rights, select, row, theirs) ? one : nothing,
      })),
      ...locking,
    ];
  }

  /** Nothing that a claim which does not hold may do has an effect. */
  async function vainAttempts(table: Table, actor: Actor, rights: Rights): Promise<Probe[]> {
    const { values } = rights.insert ? await draftFor(table, actor, rights, ours) : { values: undefined };
    const [own] = ours.rows.get(table.name) ?? [];
    const insert = values ? insertion(table, values) : own && copying(table, own);
    const [column] = table.columns.map(({ name }) => name).filter((name) => names(rights.update?.[0], name));
    const first = column ?? table.columns[0]?.name ?? "id";
    const right = (isGranted: boolean, which?: Which) => {
      if (!isGranted) return refused;
      if (rights.beyondTenants) return /^\w+$/;
      const isReached = (row: Row) => reaches(table, actor, rights, which, row, ours);
      return new RegExp(`^${(ours.rows.get(table.name) ?? []).filter(isReached).length}$`);
    };
    return [
      ...(insert && !rights.beyondTenants
        ? [{ what: "insert", sql: insert, right: rights.insert ? refusedOrRuled : refused }]
        : []),
      {
        what: "update all",
        sql: `update ${table.name} t set ${quote(first)} = t.${quote(first)}`,
        right: right(rights.update !== undefined, rights.update?.[1]),
      },
      {
        what: "delete all",
        sql: `delete from ${table.name}`,
        right: right(rights.delete !== undefined, rights.delete),
      },
    ];
  }

  async function draftFor(table: Table, actor: Actor, rights: Rights, tenant: Tenant) {
    const states = Object.entries(table.birth?.states ?? {})
      .filter(([, bearers]) => actor.isImport || bearers.includes(actor.word))
      .map(([state]) => state);
    const columns = rights.insert === "*" ? undefined : rights.insert;
    const isPartition = table.class === "partition";
    const values = isPartition
      ? undefined
      : await draft(table, tenant, columns, states.length > 0 ? states : undefined);
    return { values, right: table.birth && states.length === 0 ? oneUnlessBorn : one };
  }

  async function insertions(table: Table, actor: Actor, rights: Rights, own: Row[], foreign: Row[]): Promise<Probe[]> {
    const isGranted = rights.insert !== undefined;
    const { values, right } = isGranted
      ? await draftFor(table, actor, rights, ours)
      : { values: undefined, right: refused };
    const probes: Probe[] = [];
    // Whoever is bound to no tenant names it.
    const ownValues = rights.beyondTenants && hasTenant(table) ? { tenant_id: ours.id, ...values } : values;
    if (values && ownValues) {
      probes.push({ what: "insert own", sql: insertion(table, ownValues), right });
    } else if (own[0]) {
      // Every key is taken: to meet one, the row must have come past grants and policies.
      const isNamed = (column: string) => !isGranted || names(rights.insert, column);
      probes.push({
        what: "insert own again",
        sql: copying(table, own[0], isNamed),
        right: isGranted ? /^(23505|LF004)$/ : refused,
      });
    }
    if (foreign[0] && hasTenant(table)) {
      const isWhole = rights.insert === "*";
      const { values: theirValues } = isWhole ? await draftFor(table, actor, rights, theirs) : { values: undefined };
      probes.push({
        what: "insert foreign",
        isForeign: true,
        sql: theirValues ? insertion(table, { ...theirValues, tenant_id: theirs.id }) : copying(table, foreign[0]),
        right: !isWhole ? refused : !rights.beyondTenants ? refusedOrRuled : theirValues ? right : /^(23505|LF004)$/,
      });
    }
    if (values && rights.insert !== undefined && !rights.beyondTenants) {
      probes.push(
        ...links(table, (column) => names(rights.insert, column)).map(({ column, foreign, nowhere }) => ({
          what: `insert with a foreign ${column}`,
          sql: insertion(table, { ...values, ...foreign }),
          right: linkRefused,
          sameAs: insertion(table, { ...values, ...nowhere }),
        })),
      );
      probes.push(...takenElsewhere(table, rights, values, right, foreign));
    }
    if (firstOfWord.get(actor.word) === actor && rights.insert !== "*") {
      for (const { name } of table.columns) {
        if (names(rights.insert, name)) continue;
        probes.push({ what: `insert ${name}`, sql: insertion(table, { ...values, [name]: null }), right: refused });
      }
    }
    const isKeyed =
      table.key.length > 0 && table.key.every((name) => table.columns.some((column) => column.name === name));
    for (const row of isKeyed ? foreign.slice(0, 1) : []) {
      const updatable = table.columns.map(({ name }) => name).find((name) => names(rights.update?.[0], name));
      const set = quote(updatable ?? (table.key[0] as string));
      const isFree = rights.beyondTenants && rights.insert === "*" && rights.update !== undefined;
      probes.push({
        what: "insert on conflict with foreign",
        isForeign: true,
        sql: `${copying(table, row)} on conflict (${table.key.map(quote).join(", ")}) do update set ${set} = excluded.${set}`,
        right: !isFree ? refusedOrRuled : expectationOf(table).isAppendOnly ? /^(LF\d{3}|42501)$/ : /^(1|LF\d{3})$/,
      });
    }
    return probes;
  }

  /** One tenant's choice tells another nothing. */
  function takenElsewhere(table: Table, rights: Rights, values: Values, right: RegExp, [row]: Row[]): Probe[] {
    const points = (column: string) => table.references.some(({ columns }) => columns.includes(column));
    return table.uniqueKeys.flatMap((unique) => {
      const rest = unique.filter((column) => column !== "tenant_id");
      const mayTake = (column: string) =>
        !points(column) && names(rights.insert, column) && column in values && row?.[column] !== null;
      if (!row || rest.length === unique.length || !rest.every(mayTake)) return [];
      const taken = Object.fromEntries(rest.map((column) => [column, textOf(row[column])]));
      const sql = insertion(table, { ...values, ...taken });
      return [{ what: `insert a ${rest.join(" and ")} that is taken elsewhere`, sql, right }];
    });
  }

  /** A few of the rows, one that is reached among them. */
  function few(rows: Row[], isReached: (row: Row) => boolean): Row[] {
    return [...new Set([...rows.filter(isReached).slice(0, 1), ...rows])].slice(0, 5);
  }

  function updates(table: Table, actor: Actor, rights: Rights, all: Row[], foreign: Row[]): Probe[] {
    const [list, which] = rights.update ?? [];
    const isReached = (row: Row, tenant: Tenant) =>
      reaches(table, actor, rights, which, row, tenant) && reaches(table, actor, rights, rights.select, row, tenant);
    const own = few(all, (row) => isReached(row, ours));
    const columns = table.columns.map(({ name }) => name);
    const settable = columns.filter((name) => names(list, name));
    const first = settable.find((name) => !table.key.includes(name)) ?? settable[0] ?? columns[0] ?? "id";
    const set = (column: string, row: Row) =>
      `update ${table.name} t set ${quote(column)} = t.${quote(column)} where ${isRow(table, row)}`;
    const probes = [
      ...own.map((row) => ({
        what: `update own ${first}`,
        sql: set(first, row),
        right: outcome(table, list, isReached(row, ours)),
      })),
      ...foreign.map((row) => ({
        what: `update foreign ${first}`,
        isForeign: true,
        sql: set(first, row),
        right: outcome(table, list, isReached(row, theirs)),
      })),
    ] as Probe[];
    const emptied = table.columns.find(({ name, isNullable }) => isNullable && names(list, name));
    const emptying = emptied && everyRow(actor, rights, which, table);
    if (emptying) {
      const sql = `update ${table.name} set ${quote(emptied.name)} = null`;
      probes.push({ what: "update all", sql, right: emptying });
    }
    const row = own.find((some) => isReached(some, ours)) ?? own[0];
    if (row === undefined) return probes;
    const mayReach = isReached(row, ours);
    if (firstOfWord.get(actor.word) === actor) {
      for (const column of columns) {
        const isGranted = names(list, column);
        if (isGranted && !mayReach) continue;
        probes.push({
          what: `update ${column}`,
          sql: set(column, row),
          right: isGranted ? outcome(table, list, true) : refused,
        });
      }
    }
    if (rights.beyondTenants || !hasTenant(table)) return probes;
    const away = `update ${table.name} t set tenant_id = ${pg.escapeLiteral(theirs.id)}`;
    const right = !names(list, "tenant_id") ? refused : mayReach ? refusedOrRuled : nothing;
    probes.push(
      { what: "give away", isForeign: true, sql: `${away} where ${isRow(table, row)}`, right },
      { what: "give all away", isForeign: true, sql: away, right },
      { what: "give all away and look", isForeign: true, sql: `${away} returning *`, right },
    );
    if (list === undefined || !mayReach) return probes;
    const point = (pointers: Values) =>
      `update ${table.name} t set ${Object.entries(pointers)
        .map(([column, value]) => `${quote(column)} = ${literal(value, table, column)}`)
        .join(", ")} where ${isRow(table, row)}`;
    for (const { column, foreign, nowhere } of links(table, (name) => names(list, name))) {
      probes.push({
        what: `update to a foreign ${column}`,
        sql: point(foreign),
        right: linkRefused,
        sameAs: point(nowhere),
      });
    }
    return probes;
  }

  function deletions(table: Table, actor: Actor, rights: Rights, every: Row[], foreign: Row[]): Probe[] {
    const isReached = (row: Row, tenant: Tenant) =>
      reaches(table, actor, rights, rights.delete, row, tenant) &&
      reaches(table, actor, rights, rights.select, row, tenant);
    const own = few(every, (row) => isReached(row, ours));
    const all = everyRow(actor, rights, rights.delete, table);
    const right = (row: Row, tenant: Tenant) => outcome(table, rights.delete && "*", isReached(row, tenant));
    const remove = (row: Row) => `delete from ${table.name} t where ${isRow(table, row)}`;
    const merge = (row: Row) =>
      `merge into ${table.name} t using (select) s on ${isRow(table, row)} when matched then delete`;
    return [
      // Without a condition no row is read, and the policies for reading are not asked.
      ...(all === undefined ? [] : [{ what: "delete all", sql: `delete from ${table.name}`, right: all }]),
      ...own.map((row) => ({ what: "delete own", sql: remove(row), right: right(row, ours) })),
      ...foreign.map((row) => ({
        what: "delete foreign",
        isForeign: true as const,
        sql: remove(row),
        right: right(row, theirs),
      })),
      ...foreign.map((row) => ({
        what: "merge foreign away",
        isForeign: true as const,
        sql: merge(row),
        right: right(row, theirs),
      })),
    ];
  }

  /** What comes of a change to every row: as many as the policies for that change admit, or a rule about one of them. */
  function everyRow(actor: Actor, rights: Rights, which: Which | undefined, table: Table): RegExp | undefined {
    if (which === undefined || rights.beyondTenants) return undefined;
    const reachable = (ours.rows.get(table.name) ?? []).filter((row) =>
      reaches(table, actor, rights, which, row, ours),
    );
    return new RegExp(`^(${reachable.length}|LF\\d{3}|23\\d{3}|2BP01)$`);
  }

  /** A grant is asked first, then the policies; an append-only table's trigger before both rows and policies. */
  function outcome(table: Table, granted: string | undefined, isReached: boolean): RegExp {
    if (granted === undefined) return refused;
    if (isReached) return reached;
    return expectationOf(table).isAppendOnly ? /^(0|LF007|42501)$/ : nothing;
  }

  function beyondPolicies(table: Table, actor: Actor, rights: Rights): Probe[] {
    if (actor.word === "owner") return [];
    const mayLock = rights.delete !== undefined || rights.update?.[0] === "*";
    const trigger = "for each statement execute function app_private.tg__audit()";
    return [
      { what: "truncate", sql: `truncate ${table.name} cascade`, right: refused },
      ...(mayLock ? [] : [{ what: "lock", sql: `lock table ${table.name} in access exclusive mode`, right: refused }]),
      { what: "alter", sql: `alter table ${table.name} disable row level security`, right: refused },
      { what: "add a trigger", sql: `create trigger x after insert on ${table.name} ${trigger}`, right: refused },
    ];
  }

  /** References to rows of a tenant that a statement may write, with a row of the other tenant and with none that is there. */
  function links(table: Table, mayName: (column: string) => boolean) {
    return table.references.flatMap(({ target, columns, targetColumns }) => {
      const pointing = columns.filter((column) => column !== "tenant_id");
      const [row] = theirs.rows.get(target) ?? [];
      const isBound = columns.length > pointing.length && pointing.length > 0;
      if (!isBound || !row || !pointing.every(mayName)) return [];
      const pointers = (value: (column: string) => string | null): Values =>
        Object.fromEntries(pointing.map((column) => [column, value(column)]));
      return [
        {
          column: pointing.at(-1) as string,
          foreign: pointers((column) => textOf(row[targetColumns[columns.indexOf(column)] as string])),
          nowhere: pointers(() => randomUUID()),
        },
      ];
    });
  }
}
