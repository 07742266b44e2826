--! Previous: sha1:2a7d8ef564c2e8854f73c2868f63d11c5ed5b6eb
--! Hash: sha1:9778cb552d1017a190cea8fb8fcb83dec25253fd
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
