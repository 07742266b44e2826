--! Previous: sha1:03ae037fa209e25a2472df6565dff738ed31b5a8
--! Hash: sha1:98f5b5f71e57bbaad111a9989dd987226abcca93
--! Message: validate what imports carry on from

-- Apart from adding it, so that nobody waits while every row is looked at.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_carried_from_id_fkey;
