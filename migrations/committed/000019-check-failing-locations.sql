--! Previous: sha1:5452285ee935e860fc074fd2338486c279303db9
--! Hash: sha1:cb8e50114ddfbb9fb51a39562bbdfbcef253423a
--! Message: check failing locations

-- The constraints that came with the columns, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.locations validate constraint locations_failure_streak_check;
alter table publishing.locations validate constraint locations_failing_has_start_check;
