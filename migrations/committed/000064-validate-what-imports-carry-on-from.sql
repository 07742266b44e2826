--! Previous: sha1:6c91d05ee99ffa3e3804523b5f7ae4d1ad95e198
--! Hash: sha1:53d02a71bcd6e299ae1b4a8c12fefce2afdb313a
--! Message: validate what imports carry on from

-- Apart from adding it, so that nobody waits while every row is looked at.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_carried_from_id_fkey;
