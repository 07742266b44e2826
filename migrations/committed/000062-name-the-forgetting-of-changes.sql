--! Previous: sha1:779d7844ccdb966572b24035d1ec3194ab3dbb6c
--! Hash: sha1:f2d814c889fa263cbc88b3f7df62e5ebbc9ace84
--! Message: name the forgetting of changes

set local lock_timeout = '3s';

alter type audit.operator_deed add value 'changes_forgotten' after 'operator_removed';
