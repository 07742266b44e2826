--! Previous: sha1:9c93f9c4164390782308e17a85b74ebf62620d6a
--! Hash: sha1:94110665eba1ba31b6ab9e34a8c88431140735f7
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
