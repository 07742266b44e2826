--! Previous: sha1:3d3420a9c7115c2dd3a4ba1de39667bf2d259c07
--! Hash: sha1:dbc785aed5270ec0cba7ceff56aeae5702ca566d
--! Message: validate what imports carry on from

-- Apart from adding it, so that nobody waits while every row is looked at.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_carried_from_id_fkey;
