--! Previous: sha1:dd10ef10c78986797a66fb0b476d89566495f3f8
--! Hash: sha1:45a6b530e0b58f7ca8b9782c3f91d3a8f688c625
--! Message: forget webhooks by an index

-- Whoever handles a webhook forgets those of thirty days ago, and looked through all of them to find any.
set local lock_timeout = '1s';

-- The table holds thirty days of ids: a moment, for which webhooks wait and nobody else does.
-- squawk-ignore require-concurrent-index-creation
create index webhook_events_received_at_idx on app_private.webhook_events (received_at);
