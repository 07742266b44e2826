--! Previous: sha1:779d7844ccdb966572b24035d1ec3194ab3dbb6c
--! Hash: sha1:d38cd122c36ef6c73ca3a15b21fcaf66c996fb5b
--! Message: name what is forgotten

set local lock_timeout = '3s';

alter type audit.operator_deed add value 'changes_forgotten' after 'operator_removed';
alter type audit.operator_deed add value 'person_exported' after 'changes_forgotten';
alter type audit.operator_deed add value 'person_erased' after 'person_exported';
