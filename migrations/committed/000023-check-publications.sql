--! Previous: sha1:7cc1195ead691fcfd09b196617d210fbdfffd193
--! Hash: sha1:8988b2790af43c81238b6d24552024811287c4db
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
