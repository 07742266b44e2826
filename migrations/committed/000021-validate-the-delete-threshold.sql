--! Previous: sha1:5a86efdfdc64cd6ce9f6eb2df4b717918eec7c55
--! Hash: sha1:1151eb381ff0217f1ea861181d74ba17d92d9ab7
--! Message: validate the delete threshold

-- Apart from the migration that adds it, so that validation blocks nobody.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_delete_threshold_check;
