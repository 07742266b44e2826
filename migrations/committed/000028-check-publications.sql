--! Previous: sha1:e148173bc46685fe3ec85826cd92c910e81f783f
--! Hash: sha1:d23fca755ded3436aa0c38dab84021407de6f958
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
