--! Previous: sha1:35e6a03003683cc982bea2900f3635a8416f5418
--! Hash: sha1:c49f0235b8f0438ada51c51a6f514f0dd381a8ec
--! Message: name what is forgotten

set local lock_timeout = '3s';

alter type audit.operator_deed add value 'changes_forgotten' after 'operator_removed';
alter type audit.operator_deed add value 'person_exported' after 'changes_forgotten';
alter type audit.operator_deed add value 'person_erased' after 'person_exported';
