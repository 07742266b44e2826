/** Why a cell or a record is not as the source has it: the codes of the ledger, each with what a person can do about it. */
export const reasons = {
  wrong_type: "Correct the cell in the source, or give the field another codec in the mapping.",
  unknown_option: "Add the option to the mapping, or choose a known one in the source.",
  merged_option: "Nothing, if the merge is meant; else give the option a value of its own in the mapping.",
  placeholder: "Nothing, if the value stands for nothing; else take it off the mapping's list.",
  not_an_integer: "Write a whole number in the source.",
  not_a_number: "Write a number in the source.",
  not_a_date: "Write the date as YYYY-MM-DD in the source.",
  not_a_time: "Write the time as ISO 8601 in the source.",
  too_fine_a_time: "Write the time with six digits of a second at most in the source.",
  bad_json: "Repair the JSON in the source.",
  too_many_links: "Leave one link in the cell.",
  refused_text: "Take the NUL or the broken character out of the text in the source; the ledger keeps the original.",
  invalid_utf8: "Repair the record's encoding in the source; the ledger keeps the original bytes.",
  missing_required: "Fill in the field in the source.",
  dangling_link: "Link a record that exists, or empty the cell in the source.",
  found_nowhere_else:
    "Copy it to where it belongs, here or in the source, or empty the cell there; then replay the import, or run it again.",
  unknown_name: "Write the name as the record that is meant has it, or empty the cell in the source.",
  ambiguous_name: "Several have this name: give them names of their own, or merge them in the source.",
  link_elsewhere: "Link a record of the same group, or empty the cell in the source.",
  link_deleted_here:
    "People deleted here what it links to: link another record in the source, or empty the cell there.",
  parent_quarantined: "Settle the record that this one belongs to: both come in together.",
  duplicate_value:
    "Keep the value on one record only; or, where the two are one, merge them: landfall import merge, or mergeImportRecords.",
  merged: "Nothing, if the two are one; else take it back: landfall import unmerge, or withdrawImportMerge.",
  merged_cell: "Nothing, if the other record's value is the right one; else write it there, or fix that cell.",
  ends_before_start: "Correct one of the two times in the source.",
  below_zero: "Write zero or more in the source.",
  out_of_range: "Write a value within its range in the source.",
  overridden_member: "Nothing, if the field's own value is the right one; else correct the field in the source.",
  doubled_field: "Keep one of the two fields, or take the alias out of the mapping.",
  refused_by_table: "Correct the record in the source so that the table's rule holds.",
  unknown_field: "Add the field to the mapping, as mapped or as dropped with a reason; the ledger keeps its values.",
  lost_field:
    "If the field was renamed in the source, add its new name to the mapping as an alias; if it was deleted, drop it in the mapping, with the reason.",
  unknown_collection: "Add the collection to the mapping, or leave it out with a reason.",
  empty_default_table: "Nothing: the table came with the base and was never used.",
  edited_since_import:
    "Both sides changed it since the last import, and the row keeps its own: give one side the other's value, or import with --on-conflict source_wins or database_wins.",
  kept_over_source: "Nothing, if the database is right: by the import's policy its value stays.",
  overwritten_by_source:
    "Nothing, if the source is right: by the import's policy its value was written; the row's own is kept here.",
  repeated_record: "Nothing: the source gave the record twice, and the first one counts.",
  attachment_lost:
    "Upload the file again in the source, then run the import again; everything else of the record is there.",
  attachment_differs: "See whether the file opens in the source; upload it again, then run the import again.",
  attachment_refused:
    "Upload the file itself to the source, then run the import again: Landfall fetches public addresses only.",
  schema_changed: "Look what the mapping says to it (landfall import plan), then run the import again.",
  fixed_by_hand: "Nothing: somebody gave the cell this value; the original is in the ledger.",
  deleted_here:
    "Nothing, if the row was meant to go; to have it again, change the record in the source and import with --on-conflict source_wins, or roll back the import that brought it.",
  person_erased: "Nothing: whose record it is was erased here, and nothing of it is kept.",
  gone_from_source: "Nothing, if the record was meant to go; its row is kept in the before-images.",
  gone_but_edited:
    "People edited it since the last import: delete the row by hand, or import with --on-conflict source_wins.",
  gone_but_held: "Settle what holds on to it; then import again, or delete the row by hand.",
} as const;

export type Reason = keyof typeof reasons;

export function isReason(word: string): word is Reason {
  return Object.hasOwn(reasons, word);
}
