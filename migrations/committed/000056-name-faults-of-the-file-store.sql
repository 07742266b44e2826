--! Previous: sha1:3eb0c935bb78d7309f831c3620ce4418838ca438
--! Hash: sha1:2501873c846b68204a71038093f3bb1bb5399d30
--! Message: name faults of the file store

--! Included imports/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF201', 'import_batch_not_open', 409, 'The import batch %s takes no payloads: it is %s.', 'Start a new import of this source.'),
  ('LF202', 'mapping_unknown', 404, 'There is no mapping of this name.', 'Choose one of those that the message names.'),
  ('LF203', 'snapshot_missing', 404, 'The snapshot''s folder is not there.', 'Check the path.'),
  ('LF204', 'snapshot_empty', 400, 'The folder is empty.', 'Point to a folder with schema.json and records/.'),
  ('LF205', 'snapshot_foreign', 400, 'The folder holds no snapshot of ours.', 'Point to a folder with schema.json and records/.'),
  ('LF206', 'snapshot_incomplete', 400, 'The snapshot was not written to its end.', 'Take it again.'),
  ('LF207', 'import_busy', 409, 'Another import of this source is under way.', 'Wait for it, then run this one again.'),
  ('LF208', 'import_unknown', 404, 'The tenant has no such import.', 'Without an id, landfall import status tells of the latest.'),
  ('LF209', 'import_collection_missing', 400, 'The source lacks a collection that the mapping reads.', 'Check that it is the right source, and the names of its collections.'),
  ('LF210', 'airtable_base_invalid', 400, 'This is no id of an Airtable base.', 'Write it as airtable:app….'),
  ('LF211', 'airtable_token_refused', 401, 'Airtable does not accept the token.', 'Set AIRTABLE_API_KEY to a personal access token that may read the base.'),
  ('LF212', 'airtable_forbidden', 403, 'Airtable shows this token no such base or table.', 'Check the base''s id, and that the token was given this base.'),
  ('LF213', 'airtable_quota', 429, 'The workspace has used up its API calls of this month.', 'Import from a snapshot, upgrade the plan, or go on next month: what was read is kept.'),
  ('LF214', 'airtable_unreachable', 503, 'Airtable gave no good answer.', 'Check the network, then run the import again: it goes on where it stopped.'),
  ('LF215', 'airtable_answer_unexpected', 502, 'Airtable answered something that is not documented.', 'Check AIRTABLE_ENDPOINT_URL; if it is right, report this.'),
  ('LF216', 'import_paused', 409, 'The import was paused.', 'Mend what the message names, then run it again: it goes on where it stopped.'),
  ('LF220', 'snapshot_changed', 409, 'A file of the snapshot was changed after it was taken.', 'Bring it back as it was; to import what was edited by hand, delete manifest.json.'),
  ('LF221', 'snapshot_exists', 409, 'The folder for the snapshot is not empty.', 'Name another one.'),
  ('LF222', 'snapshot_unwritable', 500, 'The snapshot cannot be written.', 'Check the path, the space that is left and your rights.'),
  ('LF223', 'snapshot_page_only', 400, 'The file holds one page of a longer list.', 'Save every page into it.'),
  ('LF224', 'csv_broken', 400, 'The file is no whole CSV export.', 'Export the table again.'),
  ('LF225', 'csv_columns_differ', 400, 'The CSV''s columns are not the fields of the table.', 'Export a view that hides no field, or take the field out of schema.json.'),
  ('LF226', 'csv_unidentified', 400, 'The CSV''s rows cannot be told apart.', 'Add a formula field RECORD_ID() and export again, or take a snapshot.'),
  ('LF227', 'import_schema_changed', 409, 'The source''s fields changed while it was read.', 'Check the mapping, then run the import again: it begins anew.'),
  ('LF240', 'import_overlaid', 409, 'A later import has written rows of this one: %s.', 'Roll that one back first; then this one can be taken back.'),
  ('LF241', 'import_columns_unknown', 409, 'The import batch %s was made before Landfall noted which columns an import fills.', 'It cannot be taken back; a newer one can.'),
  ('LF242', 'import_issue_without_cell', 400, 'This issue is not about a cell that can be fixed: %s.', 'Name a mapped field of the record, correct it in the source, or add it to the mapping.'),
  ('LF243', 'import_issue_settled', 409, 'A replay has taken this issue up already.', 'Look at the issues that stand: landfall import issues, or importIssues.'),
  ('LF244', 'import_outdated', 409, 'A later import of this source was made: %s.', 'Fixes hold for every import of the source: replay the latest one.'),
  ('LF245', 'import_table_gone', 409, 'The import batch %s wrote to %s, which is no table any more.', 'It cannot be taken back as a whole; remove what is left of it by hand.'),
  ('LF260', 'import_deletes_too_much', 409, 'More records are gone from the source than may be deleted.', 'Check the source; if they are meant to be gone, run the import again with a higher --delete-threshold.'),
  ('LF261', 'import_batch_not_at_work', 409, 'The import batch %s deletes nothing: it is not at work.', 'Run the import again.'),
  ('LF262', 'import_holds_secret', 409, '%s keeps a secret of it, which an import neither deletes nor copies.', 'Delete the row by hand if it is meant to go.'),
  ('LF263', 'import_location_unknown', 400, 'This source was never read from %s.', 'Import from there once at the command line: landfall import run --from …; then it can be asked for here.'),
  ('LF264', 'import_issue_without_record', 400, 'This issue is not about a record that waits: %s.', 'Name an issue of the record that is to make no row of its own: landfall import issues, or importIssues.'),
  ('LF265', 'import_merge_without_row', 409, '%s has no row of its own to merge into.', 'Name a record that came in; where the two wait for each other, settle that one first, or merge the other way round.'),
  ('LF266', 'import_payloads_forgotten', 410, 'The texts of the import %s were forgotten on %s: they are kept as long as LANDFALL_TEXTS_KEPT_FOR says.', 'Their hashes, outcomes and issues are kept. To settle what waits, or to prove it anew, import the source again.'),
  ('LF267', 'import_mapping_changed', 409, 'The mapping has changed since the import %s.', 'Import the source again: that is proved by the mapping as it is now.'),
  ('LF280', 'report_not_shown', 401, 'This report is shown to those who may see the import.', 'Send a token in the Authorization header, or open a link that POST /reports/imports/<batch>/link gave you.'),
  ('LF281', 'report_link_ended', 401, 'This link to a report has ended, or belongs to another one.', 'Ask for a new link: POST /reports/imports/<batch>/link, with a token in the Authorization header.'),
  ('LF416', 'file_store_unusable', 503, 'The file store cannot be used at the moment.', 'Try again later; whoever runs Landfall finds what is wrong in the log, under the error id %s.'),
  ('LF417', 'file_damaged', 500, 'A file in the store does not hold what it should.', 'Bring it back from a backup; or delete it there, and the next import of its source fetches it again.'),
  ('LF418', 'files_leaving', 409, 'Files are set aside there for a tenant that is being deleted.', 'Finish that first: landfall tenant delete <slug>.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded imports/errors.sql
