--! Previous: sha1:46f450bc2e3316d322162ecd0ca2ec8d2b2109b7
--! Hash: sha1:d591fde31af2370a46276741218bf2c5e3de02de
--! Message: validate the delete threshold

-- Apart from the migration that adds it, so that validation blocks nobody.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_delete_threshold_check;
