--! Previous: sha1:a3ffadf3e8c05babd8c327513301210bd39d969e
--! Hash: sha1:18258722ad2b6b6c971cbece5bfec5df5481dda4
--! Message: check what outcomes refer to

-- The key that came with the migration before, checked for the outcomes that were there.
set local lock_timeout = '3s';

alter table imports.records validate constraint records_collection_id_fkey;
