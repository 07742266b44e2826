/**
 * The places at which a worker is killed. How it is made to stand exactly there: a trigger in the test's copy of the database waits for an advisory
 * lock that the test holds, and pg_locks says when somebody waits. Nothing in the product knows of it.
 */
import pg from "pg";
import type { OpenDatabase } from "../support/database.ts";
import type { RunningProcess } from "../support/processes.ts";
import { until } from "../support/workers.ts";

/** What a batch is about. */
export type Phase = "import" | "rollback" | "replay";

/** Where a statement stands still. */
export interface Place {
  /** The statement that stands still there: event and table. */
  on: string;
  level: "row" | "statement";
  /** Which row, or in which state; of several, the first that comes to it. */
  when: string;
}

export interface Boundary extends Place {
  /** Completes the sentence "a worker that is killed …". */
  name: string;
  phase: Phase;
}

/** The batch that is under way: ids grow with time. */
const batch = "(select b.id from imports.batches b order by b.id desc limit 1)";

const collection = (name: string, condition: string) =>
  `exists (select from imports.collections c where c.batch_id = ${batch} and c.name = '${name}' and ${condition})`;

const all: Boundary[] = [
  {
    name: "after a page has landed",
    phase: "import",
    on: "insert on app_private.import_payloads",
    level: "statement",
    when: collection("Sync History", "c.step = 'landing' and c.landed = 500"),
  },
  {
    name: "in the middle of writing a page",
    phase: "import",
    on: "update on imports.fields",
    level: "row",
    when: "new.name = 'Items Synced' and new.exact > 500",
  },
  {
    name: "before a page commits",
    phase: "import",
    on: "update on imports.collections",
    level: "row",
    when: "new.name = 'Sync History' and new.landed > 500 and old.landed = 500",
  },
  {
    name: "after the last page",
    phase: "import",
    on: "insert on imports.records",
    level: "statement",
    when: `not exists (select from imports.collections c where c.batch_id = ${batch} and c.step <> 'landed')`,
  },
  {
    name: "in the middle of validating a collection",
    phase: "import",
    on: "insert on app_private.import_places",
    level: "statement",
    when: "true",
  },
  {
    name: "before the validation of a collection commits",
    phase: "import",
    on: "update on imports.collections",
    level: "row",
    when: "new.name = 'Touchpoints' and new.step = 'validated' and old.step = 'landed'",
  },
  {
    name: "after a collection was validated",
    phase: "import",
    on: "insert on imports.records",
    level: "statement",
    when: collection("Journeys", "c.step = 'validated'"),
  },
  {
    name: "in the middle of loading a chunk",
    phase: "import",
    on: "insert on journeys.sync_history",
    level: "row",
    when: "(select count(*) from journeys.sync_history) > 100",
  },
  {
    name: "before a chunk commits",
    phase: "import",
    on: "update on imports.collections",
    level: "row",
    when: "new.name = 'Sync History' and new.chunks_loaded = 1 and old.chunks_loaded = 0",
  },
  {
    name: "between the commits of two chunks",
    phase: "import",
    on: "update on imports.collections",
    level: "row",
    when: "new.name = 'Sync History' and new.chunks_loaded = 2 and old.chunks_loaded = 1",
  },
  {
    name: "after a collection was loaded",
    phase: "import",
    on: "insert on imports.records",
    level: "statement",
    when: collection("Touchpoints", "c.step = 'loaded'"),
  },
  {
    name: "before it goes over to verifying",
    phase: "import",
    on: "update on imports.batches",
    level: "row",
    when: "new.status = 'verifying' and old.status = 'running'",
  },
  {
    name: "before the proof is written down",
    phase: "import",
    on: "insert on imports.checks",
    level: "statement",
    when: "true",
  },
  {
    name: "before it says how it ended",
    phase: "import",
    on: "update on imports.batches",
    level: "row",
    when: "new.status = 'incomplete'",
  },
  {
    name: "while the rollback decides",
    phase: "rollback",
    on: "insert on imports.undoings",
    level: "statement",
    when: "true",
  },
  {
    name: "once the rollback has decided",
    phase: "rollback",
    on: "update on imports.undoings",
    level: "statement",
    when: "true",
  },
  {
    name: "in the middle of taking a chunk back",
    phase: "rollback",
    on: "delete on journeys.sync_history",
    level: "row",
    when: "(select count(*) from journeys.sync_history) < 1000",
  },
  {
    name: "before a chunk that was taken back commits",
    phase: "rollback",
    on: "update on imports.undoings",
    level: "row",
    when: "new.table_name = 'journeys.sync_history' and new.done_at is not null",
  },
  {
    name: "after a chunk was taken back",
    phase: "rollback",
    on: "delete on journeys.sync_history",
    level: "statement",
    when: "(select count(*) from journeys.sync_history) < 500",
  },
  {
    name: "while the rollback is proved",
    phase: "rollback",
    on: "insert on imports.checks",
    level: "statement",
    when: "true",
  },
  {
    name: "while a replay is prepared",
    phase: "replay",
    on: "update on imports.batches",
    level: "row",
    when: "old.is_replay_due and not new.is_replay_due",
  },
  {
    name: "once a replay is prepared",
    phase: "replay",
    on: "insert on imports.records",
    level: "statement",
    when: collection("Touchpoints", "c.step = 'landed'"),
  },
  {
    name: "before a chunk of a replay commits",
    phase: "replay",
    on: "update on imports.collections",
    level: "row",
    when: "new.name = 'Touchpoints' and new.chunks_loaded > old.chunks_loaded",
  },
  {
    name: "before the proof of a replay is written down",
    phase: "replay",
    on: "insert on imports.checks",
    level: "statement",
    when: "true",
  },
];

const wanted = Math.min(Number(process.env.LANDFALL_TEST_BOUNDARIES ?? all.length), all.length);
/** All of them, or as many as LANDFALL_TEST_BOUNDARIES says, spread evenly. */
export const boundaries = all.filter(
  (_, place) => Math.floor((place * wanted) / all.length) !== Math.floor(((place - 1) * wanted) / all.length),
);

/** Any number does. */
const lockKey = 4_711;

export interface Standing {
  /**
   * Waits until somebody stands there.
   *
   * @param worker the process that is to come there: where it ends before, nobody waits any longer
   * @returns the process id of the server's process that waits
   */
  reached(worker?: RunningProcess): Promise<number>;
  /** Lets them go, if they still are, and whoever comes next. */
  release(): Promise<void>;
}

/** Makes whoever comes to the place stand there until they are released; what stood there before is forgotten. */
export async function standAt(database: OpenDatabase, place: Place): Promise<Standing> {
  const { urls, query } = database;
  const holder = new pg.Client({ connectionString: urls.admin });
  // A server that is killed takes the lock with it.
  holder.on("error", () => {});
  await holder.connect();
  await holder.query("select pg_advisory_lock($1)", [lockKey]);
  await interrupt(database, place, `perform pg_advisory_xact_lock_shared(${lockKey})`);
  return {
    reached: (worker) =>
      until(async () => {
        const rows = await query<{ pid: number }>(
          `select pid from pg_locks
           where locktype = 'advisory' and not granted and objid = $1
             and database = (select oid from pg_database where datname = current_database())`,
          [lockKey],
        );
        return rows[0]?.pid;
      }, worker),
    release: () => holder.end().catch(() => {}),
  };
}

/** Makes the statement there fail as a server does whose disk is full, until `mend` is called. */
export async function failAt(database: OpenDatabase, place: Place): Promise<{ mend(): Promise<void> }> {
  const message = "could not extend file: No space left on device";
  await interrupt(database, place, `raise exception using errcode = 'disk_full', message = '${message}'`);
  return {
    mend: async () => {
      await database.query("drop schema standing cascade");
    },
  };
}

/** Puts a statement before the one there, in place of an earlier one. */
async function interrupt({ query }: OpenDatabase, { on, level, when }: Place, statement: string): Promise<void> {
  await query("drop schema if exists standing cascade");
  await query(`
    create schema standing;
    grant usage on schema standing to public;
    create function standing.interrupt() returns trigger language plpgsql security definer as $$
      begin
        if ${when} then
          ${statement};
        end if;
        return case when tg_op = 'DELETE' then old else new end;
      end
    $$;
    create trigger zzz_interrupt before ${on} for each ${level} execute function standing.interrupt()`);
}

/** The boundary of this name. */
export function boundary(name: string): Boundary {
  const found = all.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`No boundary is called "${name}".`);
  return found;
}
