--! Previous: sha1:8508c99195eb870bfae3aaab8eda21f6eb47af5c
--! Hash: sha1:b5928a4bc1345c72e94b8575b5af77e1e0599155
--! Message: validate the delete threshold

-- Apart from the migration that adds it, so that validation blocks nobody.
set local lock_timeout = '3s';

alter table imports.batches validate constraint batches_delete_threshold_check;
