--! Previous: sha1:19d2e258f89a2230182bcffbdc7f5b8ae0dbb0c1
--! Hash: sha1:3ccbd5430abdcbcc55faeaf4ca8d7d3719d4aabf
--! Message: check the sealed tokens

set local lock_timeout = '3s';

alter table app_private.location_secrets validate constraint location_secrets_token_ciphertext_check;
