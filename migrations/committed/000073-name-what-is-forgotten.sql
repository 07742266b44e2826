--! Previous: sha1:3ccbd5430abdcbcc55faeaf4ca8d7d3719d4aabf
--! Hash: sha1:f8adb5ac4acb59aa5263fa60db6465640702d57a
--! Message: name what is forgotten

set local lock_timeout = '3s';

alter type audit.operator_deed add value 'changes_forgotten' after 'operator_removed';
alter type audit.operator_deed add value 'person_exported' after 'changes_forgotten';
alter type audit.operator_deed add value 'person_erased' after 'person_exported';
