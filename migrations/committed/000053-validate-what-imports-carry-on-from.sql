--! Previous: sha1:b1bb726b70090db7b0ca2cbf68306813d3b0edb9
--! Hash: sha1:78a336f7c368fe339d822a88a64151d5d9b1dc22
--! Message: validate what imports carry on from

-- Apart from adding it, so that nobody waits while every row is looked at.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_carried_from_id_fkey;
