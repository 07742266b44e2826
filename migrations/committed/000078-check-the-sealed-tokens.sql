--! Previous: sha1:ec1482e5da84abdc41c04d019b29fd3820b5fe45
--! Hash: sha1:35e6a03003683cc982bea2900f3635a8416f5418
--! Message: check the sealed tokens

set local lock_timeout = '3s';

alter table app_private.location_secrets validate constraint location_secrets_token_ciphertext_check;
