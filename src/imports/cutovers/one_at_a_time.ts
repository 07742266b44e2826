import type pg from "pg";

/**
 * Works on a cut-over or a check, while nobody else does. Who works is told by an advisory lock on a connection of its own: it ends with its
 * process, so nobody waits for a dead one.
 *
 * @param work is asked to look, before every step, whether the lock is still there
 * @returns null where somebody else works on it
 */
export async function oneAtATime<Result>(
  pool: pg.Pool,
  id: string,
  work: (stillOurs: () => void) => Promise<Result>,
): Promise<Result | null> {
  const client = await pool.connect();
  let lost: Error | undefined;
  const onError = (error: Error) => {
    lost = error;
  };
  client.on("error", onError);
  try {
    const { rows } = await client.query<{ taken: boolean }>(
      "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('landfall cutover ' || $1, 0)) as taken",
      [id],
    );
    if (rows[0]?.taken !== true) return null;
    return await work(() => {
      if (lost !== undefined) throw lost;
    });
  } finally {
    client.off("error", onError);
    // Closed and not given back: the lock ends with the connection.
    client.release(true);
  }
}
