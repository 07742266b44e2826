--! Previous: sha1:2f123125de0717f8537d4cca33604197cb6c2189
--! Hash: sha1:c07b57b37cbad5bc80ee632ffeb5ccbbeaca3898
--! Message: name the forgetting of changes

set local lock_timeout = '3s';

alter type audit.operator_deed add value 'changes_forgotten' after 'operator_removed';
