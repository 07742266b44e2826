import type { JobHelpers } from "graphile-worker";
import { cutOffLoginsPayload } from "../../src/worker/payloads.ts";

/** Ends the connections of SQL logins that may no longer see anything; queued when they are switched off or their tenant is suspended. */
export default async function cutOffLogins(payload: unknown, { query, logger }: JobHelpers): Promise<void> {
  const { tenantId } = cutOffLoginsPayload.parse(payload);
  const { rows } = await query<{ may: boolean; ended: number }>(
    `select pg_has_role('pg_signal_backend', 'usage') as may,
       (select count(*) filter (where pg_terminate_backend(b.pid))::integer
        from app_private.suspended_backends() b where pg_has_role('pg_signal_backend', 'usage')) as ended`,
  );
  const [answer] = rows;
  if (answer?.may) logger.info(`ended ${answer.ended} connections of SQL logins`);
  else logger.warn(`the SQL logins of tenant ${tenantId} keep their connections: the worker lacks pg_signal_backend`);
}
