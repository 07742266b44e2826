--! Previous: sha1:1ce8e81c114504f03668024bbad566e73db3075d
--! Hash: sha1:2902b23828b3e3ddb2ac162bd4df45784a427bbc
--! Message: check publications

-- The constraints that came with taking back, checked for the rows that were there before.
set local lock_timeout = '3s';

alter table publishing.publications validate constraint publications_template_id_fkey;
alter table publishing.publications validate constraint publications_is_journey_or_template_check;
alter table publishing.publications validate constraint publications_running_has_lease_check;
