--! Previous: sha1:17e614c97a0c2c15057fa613caa0a4eb9cf9c365
--! Hash: sha1:8198940ae8d834b364d382383f8e909a42af9a29
--! Message: validate what imports carry on from

-- Apart from adding it, so that nobody waits while every row is looked at.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_carried_from_id_fkey;
