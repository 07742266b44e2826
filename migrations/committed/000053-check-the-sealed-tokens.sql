--! Previous: sha1:e61f04fd710d49a8061e9fd622b28876d74fac6a
--! Hash: sha1:2f123125de0717f8537d4cca33604197cb6c2189
--! Message: check the sealed tokens

set local lock_timeout = '3s';

alter table app_private.location_secrets validate constraint location_secrets_token_ciphertext_check;
