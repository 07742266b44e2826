--! Previous: sha1:63c0898de0670cfeb780c631fd421b8ca985372e
--! Hash: sha1:b339ae2676a2f9250a3253127ae7b9a031747290
--! Message: name what backups run into

-- Backups, restores and upgrades of the embedded server speak by codes, like everything else.
--! Included app/backup_errors.sql
-- What backups, restores and the upgrade of the embedded server run into. Their messages carry particulars that only the process knows; the
-- rows here say what each code means.
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF450', 'server_not_ours', 400, 'DATABASE_URL names a server that Landfall does not run.', 'Use the backups of its provider; docs/operations.md says how.'),
  ('LF451', 'backup_running', 409, 'Another backup is being taken.', 'Wait until it is done.'),
  ('LF452', 'backup_damaged', 500, 'A backup is not what it was when it was taken.', 'Use another one, and find out what changed its files.'),
  ('LF453', 'backup_unknown', 404, 'There is no such backup.', 'See landfall backup list for those there are.'),
  ('LF454', 'time_not_covered', 400, 'No backup leads to this moment.', 'Choose a moment that landfall backup list shows as covered.'),
  ('LF455', 'restored_unsound', 500, 'The restored database is not as it must be.', 'Nothing was changed: restore from another backup, or to another moment.'),
  ('LF456', 'archive_failing', 500, 'The write-ahead log cannot be archived.', 'Look at the folder that the message names; postgres.log in the data folder says more.'),
  ('LF457', 'upgrade_refused', 400, 'The data cannot be moved to another major version as they are.', 'Do what the message says; nothing was changed.'),
  ('LF458', 'upgrade_differs', 500, 'What arrived in the new version is not what was in the old one.', 'Nothing was changed. Report it: this must not happen.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded app/backup_errors.sql
