--! Previous: sha1:a6f4b6b9af726cd6dafe45388e42610dbee4810b
--! Hash: sha1:5a896b0ce8647b7bee7a30c094e212df8e591444
--! Message: check failing locations

-- The constraints that came with the columns, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.locations validate constraint locations_failure_streak_check;
alter table publishing.locations validate constraint locations_failing_has_start_check;
