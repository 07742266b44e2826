/** Our objects in GoHighLevel: what is known of them outlives the publication that it was learnt by. */
import { z } from "zod";
import { prepared } from "../../database/prepared.ts";
import type { Item } from "./items.ts";
import { guarded, leased, type Run } from "./run.ts";

/** Where the journey's folder stands: its id in GoHighLevel, or null while it has none. */
export async function folderId(run: Run, locationId: string, token: string): Promise<string | null> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query<{ remote_id: string | null }>(
      prepared(
        `select r.remote_id from publishing.remote_objects r
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = 'folder' and r.token = $3`,
        [run.tenantId, locationId, token],
      ),
    );
    return result.rows;
  });
  return rows[0]?.remote_id ?? null;
}

/**
 * Commits the intention to call, before the call. For a call that makes something new, the moment is kept with the remote
 * object, so that whoever comes after a crash knows to look for it first.
 */
export async function intend(run: Run, locationId: string, item: Item, attempts: number, isCreate: boolean) {
  await guarded(run, async (client) => {
    await client.query(
      prepared(
        `update publishing.publication_items i set status = 'intent', attempts = $3, retry_at = null
       where i.tenant_id = $1 and i.id = $2`,
        [run.tenantId, item.id, attempts],
      ),
    );
    if (!isCreate) return;
    await client.query(
      prepared(
        `insert into publishing.remote_objects as r (tenant_id, location_id, touchpoint_id, asset_kind, token, create_sent_at)
       select $1, $3, i.touchpoint_id, i.asset_kind, i.token, now()
       from publishing.publication_items i
       where i.tenant_id = $1 and i.id = $2
       on conflict (tenant_id, location_id, asset_kind, token) do update set create_sent_at = now()`,
        [run.tenantId, item.id, locationId],
      ),
    );
  });
}

/** Binds an object of GoHighLevel to the item's token for ever, right after the answer that named it. */
export async function bind(run: Run, locationId: string, item: Item, remoteId: string, remoteName: string) {
  await leased(run, async (client) => {
    await client.query(
      prepared(
        `insert into publishing.remote_objects as r (tenant_id, location_id, touchpoint_id, asset_kind, token, remote_id, remote_name)
       select $1, $3, i.touchpoint_id, i.asset_kind, i.token, $4, $5
       from publishing.publication_items i
       where i.tenant_id = $1 and i.id = $2
       on conflict (tenant_id, location_id, asset_kind, token) do update
         set remote_id = excluded.remote_id, remote_name = excluded.remote_name, create_sent_at = null, synced_hash = null,
           touchpoint_id = coalesce(excluded.touchpoint_id, r.touchpoint_id)`,
        [run.tenantId, item.id, locationId, remoteId, remoteName],
      ),
    );
  });
}

/** Takes back the intention to make something: it is known that nothing was made. */
export async function withdrawCreate(run: Run, locationId: string, item: Item): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set create_sent_at = null
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = $3 and r.token = $4`,
      [run.tenantId, locationId, item.asset_kind, item.token],
    );
  });
}

/** Unbinds an object that GoHighLevel no longer has. The items keep its id, and so the history does. */
export async function unbind(
  run: Run,
  locationId: string,
  assetKind: Item["asset_kind"],
  token: string,
): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set remote_id = null, synced_hash = null, create_sent_at = null
       where r.tenant_id = $1 and r.location_id = $2 and r.asset_kind = $3 and r.token = $4`,
      [run.tenantId, locationId, assetKind, token],
    );
    await client.query(
      `update publishing.publication_items i
       set status = 'remote_missing', last_error = 'It was deleted in GoHighLevel: retry the publication to make it anew.'
       where i.tenant_id = $1 and i.publication_id = $2 and i.token = $3 and i.status = 'synced'`,
      [run.tenantId, run.publicationId, token],
    );
  });
}

const ownObjectSchema = z.object({
  id: z.uuid(),
  asset_kind: z.enum(["folder", "template", "custom_value", "tag", "link", "manual"]),
  token: z.string(),
  /** Null where its creation was begun and nobody knows how it ended. */
  remote_id: z.string().nullable(),
  remote_name: z.string().nullable(),
  create_age_ms: z.number().nullable(),
});

export type OwnObject = z.infer<typeof ownObjectSchema>;

/** What a journey has in the location and was not put away yet, whichever of its versions it came with. */
export async function ownObjects(run: Run, locationId: string): Promise<OwnObject[]> {
  const rows = await guarded(run, async (client) => {
    const result = await client.query(
      `select r.id, r.asset_kind, r.token, r.remote_id, r.remote_name,
         extract(epoch from now() - r.create_sent_at)::float8 * 1000 as create_age_ms
       from publishing.remote_objects r
       where r.tenant_id = $1 and r.location_id = $3 and (r.remote_id is not null or r.create_sent_at is not null) and r.archived_at is null
         and exists (
           select from publishing.publication_items i
           join publishing.publications p on p.tenant_id = i.tenant_id and p.id = i.publication_id
           join publishing.publications this on this.tenant_id = $1 and this.id = $2 and this.journey_id = p.journey_id
           where i.tenant_id = $1 and i.token = r.token
         )
       order by r.id`,
      [run.tenantId, run.publicationId, locationId],
    );
    return result.rows;
  });
  return z.array(ownObjectSchema).parse(rows);
}

/** Notes that an object was put away. What it holds is no longer known to be what was approved. */
export async function noteArchived(run: Run, objectId: string): Promise<void> {
  await leased(run, async (client) => {
    await client.query(
      `update publishing.remote_objects r set archived_at = now(), synced_hash = null, create_sent_at = null where r.tenant_id = $1 and r.id = $2`,
      [run.tenantId, objectId],
    );
  });
}
