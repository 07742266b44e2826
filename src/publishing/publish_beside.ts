/**
 * Publishing waits far more than it works: for GoHighLevel's answers, and for the turns that its limits allow. So one job of the
 * queue serves several locations side by side, and how many go at once does not hang on how many jobs a worker runs.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { errorMessage } from "../errors.ts";
import { type PublishJob, type PublishOptions, publishJourney } from "./publish.ts";

/** How many publications one job works on at once. */
const mostAtOnce = 8;

/** How often it looks for more while its own is under way. */
const lookMs = 1_000;

const waitingSchema = z.array(z.object({ tenant_id: z.uuid(), publication_id: z.uuid() }));

/**
 * Publishes what a job is for and, while that is under way, what else waits for a worker, whosever it is. The jobs of those find
 * nothing left to do. One that breaks off is taken up again when its lease is over, like that of a worker that died.
 *
 * @throws what `publishJourney` throws for the job's own publication, when the others have ended too
 */
export async function publishBeside(options: PublishOptions, job: PublishJob): Promise<void> {
  const { log, signal } = options;
  const others = new Set<Promise<unknown>>();
  const done = new AbortController();
  const own = publishJourney(options, job).finally(() => done.abort());

  async function takeUpOthers(): Promise<void> {
    while (!done.signal.aborted && !signal.aborted) {
      for (const other of await waiting(options, mostAtOnce - 1 - others.size)) {
        const run = publishJourney(options, other)
          .catch((error) => log.error({ ...other, error: errorMessage(error) }, "a publication broke off"))
          .finally(() => others.delete(run));
        others.add(run);
      }
      await sleep(lookMs, undefined, { signal: done.signal }).catch(() => undefined);
    }
  }

  const [result, looked] = await Promise.allSettled([own, takeUpOthers()]);
  await Promise.all(others);
  if (looked.status === "rejected") log.warn({ error: errorMessage(looked.reason) }, "could not look for what waits");
  if (result.status === "rejected") throw result.reason;
}

async function waiting({ pool }: PublishOptions, most: number): Promise<PublishJob[]> {
  if (most <= 0) return [];
  const { rows } = await pool.query("select * from app_private.waiting_publications($1)", [most]);
  return waitingSchema
    .parse(rows)
    .map(({ tenant_id, publication_id }) => ({ tenantId: tenant_id, publicationId: publication_id }));
}
