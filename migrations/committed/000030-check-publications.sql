--! Previous: sha1:5b5b12fbd9187267e961bbd6fb64a7c8b7df8353
--! Hash: sha1:e85f4f82db4f4620e201a8a5184ff2779a126d77
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
