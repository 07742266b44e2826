/** Events of the database for subscriptions. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { PgSubscriber } from "postgraphile/adaptors/pg";

/** How often, and how many times, the first event is sent until it is heard: two seconds in all. */
const CALL_EVERY = 50;
const CALLS = 40;

export interface Listener {
  /** The events of a topic, each with its payload; the first is the one given, and says that none is missed from then on. */
  subscribe(topic: string, first: string): Promise<AsyncIterableIterator<string>>;
  /** Ends every subscription and lets go of the connection. */
  release(): Promise<void>;
}

/**
 * Listens to the database over one connection, whoever subscribes to whatever. LISTEN takes a moment, in which something might happen
 * unheard: so the first event is sent through the database, and whoever hears it listens.
 *
 * @param pool connections as the authenticator, for NOTIFY
 * @param listenPool direct ones, for LISTEN
 */
export function makeListener(pool: pg.Pool, listenPool: pg.Pool): Listener {
  const subscriber = new PgSubscriber(listenPool);
  return {
    async subscribe(topic, first) {
      const events: AsyncIterableIterator<string> = subscriber.subscribe(topic);
      const heard = events.next();
      let hasHeard = false;
      heard.then(
        () => {
          hasHeard = true;
        },
        () => {
          hasHeard = true;
        },
      );
      for (let call = 0; call < CALLS && !hasHeard; call++) {
        await pool.query("select pg_notify($1, $2)", [topic, first]);
        await Promise.race([heard, sleep(CALL_EVERY)]);
      }
      if (!hasHeard) {
        await events.return?.();
        throw new Error(`Nothing is heard of ${topic}: LISTEN does not come through.`);
      }
      return beginWith(await heard, events);
    },
    async release() {
      await subscriber.release();
    },
  };
}

/** An iterator with its first result put back in front. */
function beginWith<T>(first: IteratorResult<T>, rest: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
  let isFresh = true;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (!isFresh) return await rest.next();
      isFresh = false;
      return first;
    },
    async return() {
      return (await rest.return?.()) ?? { done: true, value: undefined };
    },
  };
}
