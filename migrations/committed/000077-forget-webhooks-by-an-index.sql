--! Previous: sha1:e40c74f236d29fed79f36a702736be299010616d
--! Hash: sha1:d1ab7a5a5e38d62654f9be7d26163c2491783ab9
--! Message: forget webhooks by an index

-- Whoever handles a webhook forgets those of thirty days ago, and looked through all of them to find any.
set local lock_timeout = '1s';

-- The table holds thirty days of ids: a moment, for which webhooks wait and nobody else does.
-- squawk-ignore require-concurrent-index-creation
create index webhook_events_received_at_idx on app_private.webhook_events (received_at);
