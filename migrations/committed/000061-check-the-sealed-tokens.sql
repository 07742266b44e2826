--! Previous: sha1:a8513d0f8ba9fdf4dd3814012329a06696b9a427
--! Hash: sha1:779d7844ccdb966572b24035d1ec3194ab3dbb6c
--! Message: check the sealed tokens

set local lock_timeout = '3s';

alter table app_private.location_secrets validate constraint location_secrets_token_ciphertext_check;
