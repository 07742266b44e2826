--! Previous: sha1:94110665eba1ba31b6ab9e34a8c88431140735f7
--! Hash: sha1:3a0499e9126ac0b08ef47b93389b5162430cf611
--! Message: review messages and triage companies

-- People decide what workflows found and drafted: messages are approved or rejected, companies passed or disqualified; contacts follow.
set local lock_timeout = '3s';

--! Included app/triggers.sql
-- Trigger functions for any table.

create or replace function app_private.singular_of(table_name text) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$
    select case
      when word like '%ies' then left(word, -3) || 'y'
      when word ~ '(ch|sh|ss|x)es$' then left(word, -2)
      else regexp_replace(word, 's$', '')
    end
    from (select replace(table_name, '_', ' ') as word) named
  $$;
comment on function app_private.singular_of(text) is 'What a row of the table is called in a message: tables are plural nouns.';

-- before update, tg__stamp_times('generated column', …): nobody moves the time of birth, except an import that knows better. A trigger of a table
-- with generated columns cannot ask in its condition whether the row changes; it names them here, for they are made later.
create or replace function app_private.tg__stamp_times() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_nargs > 0 and to_jsonb(new) - tg_argv::text[] = to_jsonb(old) - tg_argv::text[] then
      return new;
    end if;
    if app.current_import_batch_id() is null then
      new.created_at := old.created_at;
    end if;
    new.updated_at := now();
    return new;
  end
  $$;
comment on function app_private.tg__stamp_times() is 'Sets updated_at where the row changes, and keeps created_at as it was.';

-- before update, tg__count_version('column', …): the columns named are written by machines, or generated, and do not count, so that publishing
-- never makes an editor's open form stale.
create or replace function app_private.tg__count_version() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    uncounted constant text[] := tg_argv::text[] || array['version', 'updated_at'];
  begin
    if new.version is distinct from old.version then
      perform app_private.raise_error('LF005', app_private.singular_of(tg_table_name), new.version::text, old.version::text, old.version::text);
    end if;
    if (to_jsonb(new) - uncounted) is distinct from (to_jsonb(old) - uncounted) then
      new.version := old.version + 1;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg__count_version() is
  'Refuses an update that names a version other than the current one; else counts up when a column that people see has changed. Definer, to raise our error for whoever updates.';

-- before update or delete: what is written once stays, unless a batch takes back what a batch wrote.
create or replace function app_private.tg__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is not null then
      return coalesce(new, old);
    end if;
    perform app_private.raise_error('LF007', app_private.singular_of(tg_table_name), tg_argv[0]);
    return null;
  end
  $$;
comment on function app_private.tg__refuse_change() is 'Refuses to change a row that is a record of what was; its argument says what to do instead. Definer, to raise our error for whoever updates.';
--! EndIncluded app/triggers.sql
--! Included leadgen/errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF401', 'message_sent', 409, 'This message is %s, so what was sent stays as it is.', 'Write another message to the contact.'),
  ('LF402', 'note_missing', 400, 'A rejection says why.', 'Send a note with it.'),
  ('LF403', 'same_row', 400, 'This is one %s, named twice.', 'Name the other one.'),
  ('LF404', 'merged_elsewhere', 409, 'This %s was merged already.', 'Undo that merge with undoLeadgenDuplicateDecision, or choose the one that was kept.'),
  ('LF405', 'undone_already', 409, 'This decision was taken back already.', 'Decide anew.'),
  ('LF406', 'merged_since', 409, 'The %s that was kept has been merged into another since.', 'Undo that merge first.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded leadgen/errors.sql
--! Included leadgen/keep_sent_messages.sql
-- What was sent is never changed, and a review is of the text that was reviewed.
create or replace function app_private.tg_messages__keep_sent() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null then
      perform app_private.raise_error('LF401', old.status::text);
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_messages__keep_sent() is
  'Refuses to change what was sent; an import corrects what it brought. Definer, to raise our error for whoever updates.';
create or replace trigger _200_keep_sent before update on leadgen.messages
  for each row when (
    old.status in ('sent', 'delivered', 'replied')
    and (old.channel, old.sequence_step, old.variant, old.subject, old.body, old.language)
      is distinct from (new.channel, new.sequence_step, new.variant, new.subject, new.body, new.language)
  ) execute function app_private.tg_messages__keep_sent();

create or replace function app_private.tg_messages__return_to_draft() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if app.current_import_batch_id() is null then
      new.status := 'draft';
      new.approved_at := null;
      new.reviewer_id := null;
    end if;
    return new;
  end
  $$;
comment on function app_private.tg_messages__return_to_draft() is 'Takes a reviewed message back to draft when its text changes.';
create or replace trigger _250_return_to_draft before update on leadgen.messages
  for each row when (
    old.status in ('approved', 'rejected') and new.status = old.status
    and (old.channel, old.subject, old.body, old.language) is distinct from (new.channel, new.subject, new.body, new.language)
  ) execute function app_private.tg_messages__return_to_draft();
--! EndIncluded leadgen/keep_sent_messages.sql
--! Included leadgen/move_contacts.sql
-- A contact follows their messages: the last draft approved moves them to approved, an approval taken back to pending_review, the first
-- message sent to sent, an answer to replied. What workflows do before (generating) and beside (no_channel) is theirs.
create or replace function app_private.tg_messages__move_contacts() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    moved_tenant uuid;
    moved_contacts uuid[];
  begin
    if app.current_import_batch_id() is not null then
      return null;
    end if;
    select (array_agg(n.tenant_id))[1], array_agg(distinct n.contact_id) into moved_tenant, moved_contacts
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where n.status <> o.status;
    if moved_contacts is null then
      return null;
    end if;
    -- Two who decide the last two messages of a contact at once: the second waits here, and then sees what the first decided.
    perform from leadgen.contacts c where c.tenant_id = moved_tenant and c.id = any (moved_contacts) order by c.id for no key update;

    update leadgen.contacts c set message_status = 'sent'
    where c.tenant_id = moved_tenant and c.id = any (moved_contacts) and c.message_status in ('pending_review', 'approved')
      and exists (
        select from leadgen.messages m
        where m.tenant_id = c.tenant_id and m.contact_id = c.id and m.status in ('sent', 'delivered', 'replied')
      );
    update leadgen.contacts c set message_status = 'replied'
    where c.tenant_id = moved_tenant and c.id = any (moved_contacts) and c.message_status = 'sent'
      and exists (select from leadgen.messages m where m.tenant_id = c.tenant_id and m.contact_id = c.id and m.status = 'replied');
    update leadgen.contacts c set message_status = 'approved'
    where c.tenant_id = moved_tenant and c.id = any (moved_contacts) and c.message_status = 'pending_review'
      and exists (select from leadgen.messages m where m.tenant_id = c.tenant_id and m.contact_id = c.id and m.status = 'approved')
      and not exists (select from leadgen.messages m where m.tenant_id = c.tenant_id and m.contact_id = c.id and m.status = 'draft');
    update leadgen.contacts c set message_status = 'pending_review'
    where c.tenant_id = moved_tenant and c.id = any (moved_contacts) and c.message_status = 'approved'
      and exists (select from leadgen.messages m where m.tenant_id = c.tenant_id and m.contact_id = c.id and m.status = 'draft');
    return null;
  end
  $$;
comment on function app_private.tg_messages__move_contacts() is
  'Moves contacts as the review of their messages goes on. Definer, because nobody may set a status by hand.';
create or replace trigger _500_move_contacts after update on leadgen.messages
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_messages__move_contacts();
--! EndIncluded leadgen/move_contacts.sql
--! Included leadgen/review_messages.sql
create or replace function app_private.refuse_step(machine text, from_state text, to_state text) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.raise_error('LF003', replace(machine, '_', ' '), from_state, to_state,
      coalesce(nullif(array_to_string(app.allowed_transitions(machine, from_state), ', '), ''), 'nothing'));
  end
  $$;
comment on function app_private.refuse_step(text, text, text) is 'Says that a step is not one of the machine, and which ones are. For definers.';

create or replace function app_private.hold_message(
  message_id uuid, version integer, to_status leadgen.message_status, variadic from_statuses leadgen.message_status[]
) returns leadgen.messages
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    select * into message
    from leadgen.messages m
    where m.tenant_id = app.current_tenant_id() and m.id = hold_message.message_id
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'message', message_id::text);
    end if;
    if version is not null and version <> message.version then
      perform app_private.raise_error('LF005', 'message', version::text, message.version::text, message.version::text);
    end if;
    if message.status <> all (from_statuses) then
      perform app_private.refuse_step('leadgen_message', message.status::text, to_status::text);
    end if;
    return message;
  end
  $$;
comment on function app_private.hold_message(uuid, integer, leadgen.message_status, leadgen.message_status[]) is
  'The message of this tenant, locked, as long as it may take the step. Refuses unknown ids, stale versions and other states. For definers.';

create or replace function leadgen.approve_message(message_id uuid, subject text default null, body text default null, version integer default null)
  returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('approve a message', 'editor', 'admin');
    message := app_private.hold_message(message_id, version, 'approved', 'draft');
    update leadgen.messages m
    set
      subject = coalesce(approve_message.subject, m.subject), body = coalesce(approve_message.body, m.body),
      status = 'approved', approved_at = now(), reviewer_id = app.current_user_id()
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.approve_message(uuid, text, text, integer) is
  'Approves a draft, with another subject or body where they are sent: edited and approved in one step. The last draft of a contact takes them to approved. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.approve_message(uuid, text, text, integer) to :EDITOR;

create or replace function leadgen.approve_messages(message_ids uuid[]) returns setof leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    perform app_private.require_role('approve messages', 'editor', 'admin');
    if coalesce(cardinality(message_ids), 0) not between 1 and 500 then
      perform app_private.raise_error('LF009', 'One step approves 1 to 500 messages.', 'Send the ids in several steps.');
    end if;
    perform from leadgen.messages m
    where m.tenant_id = app.current_tenant_id() and m.id = any (message_ids)
    order by m.id
    for update;
    return query
      update leadgen.messages m
      set status = 'approved', approved_at = now(), reviewer_id = app.current_user_id()
      where m.tenant_id = app.current_tenant_id() and m.id = any (message_ids) and m.status = 'draft'
      returning m.*;
  end
  $$;
comment on function leadgen.approve_messages(uuid[]) is
  'Approves those of the messages that are drafts, and returns them: what somebody else has decided meanwhile stays as they decided. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.approve_messages(uuid[]) to :EDITOR;

create or replace function leadgen.reject_message(message_id uuid, note text, version integer default null) returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('reject a message', 'editor', 'admin');
    if coalesce(note, '') !~ '\S' then
      perform app_private.raise_error('LF402');
    end if;
    message := app_private.hold_message(message_id, version, 'rejected', 'draft');
    update leadgen.messages m
    set status = 'rejected', review_notes = btrim(note), approved_at = null, reviewer_id = app.current_user_id()
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.reject_message(uuid, text, integer) is
  'Rejects a draft with a note that says why. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.reject_message(uuid, text, integer) to :EDITOR;

create or replace function leadgen.undo_message_review(message_id uuid, version integer default null) returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('undo a review', 'editor', 'admin');
    message := app_private.hold_message(message_id, version, 'draft', 'approved', 'rejected');
    update leadgen.messages m
    set status = 'draft', approved_at = null, reviewer_id = null
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.undo_message_review(uuid, integer) is
  'Takes an approval or a rejection back: the message is a draft again, and keeps its note. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.undo_message_review(uuid, integer) to :EDITOR;

create or replace function leadgen.mark_message_sent(message_id uuid, sent_at timestamptz default null) returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('mark a message as sent', 'editor', 'admin', 'automation');
    message := app_private.hold_message(message_id, null, 'sent', 'approved');
    update leadgen.messages m
    set status = 'sent', sent_at = coalesce(mark_message_sent.sent_at, now())
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.mark_message_sent(uuid, timestamptz) is
  'Notes that an approved message was sent, now unless another time is given; from now on nobody changes its text. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.mark_message_sent(uuid, timestamptz) to :EDITOR, :AUTOMATION;

create or replace function leadgen.mark_message_delivered(message_id uuid, delivered_at timestamptz default null) returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('mark a message as delivered', 'editor', 'admin', 'automation');
    message := app_private.hold_message(message_id, null, 'delivered', 'sent');
    update leadgen.messages m
    set status = 'delivered', delivered_at = coalesce(mark_message_delivered.delivered_at, now())
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.mark_message_delivered(uuid, timestamptz) is
  'Notes that a message has arrived, now unless another time is given. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.mark_message_delivered(uuid, timestamptz) to :EDITOR, :AUTOMATION;

create or replace function leadgen.mark_message_replied(message_id uuid, replied_at timestamptz default null) returns leadgen.messages
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    message leadgen.messages;
  begin
    perform app_private.require_role('mark a message as answered', 'editor', 'admin', 'automation');
    message := app_private.hold_message(message_id, null, 'replied', 'sent', 'delivered');
    update leadgen.messages m
    set status = 'replied', replied_at = coalesce(mark_message_replied.replied_at, now())
    where m.tenant_id = message.tenant_id and m.id = message.id
    returning * into message;
    return message;
  end
  $$;
comment on function leadgen.mark_message_replied(uuid, timestamptz) is
  'Notes that the contact has answered, now unless another time is given; the contact goes to replied. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.mark_message_replied(uuid, timestamptz) to :EDITOR, :AUTOMATION;

create or replace function leadgen.messages_exceeded_limits(message leadgen.messages) returns text[]
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    select array_remove(array[
      case when message.channel = 'linkedin_connect' and length(message.body) > 300
        then format('An invitation on LinkedIn has at most 300 characters; this has %s.', length(message.body)) end,
      case when message.channel = 'email' and length(message.subject) > 50
        then format('A subject has at most 50 characters; this has %s.', length(message.subject)) end,
      case when message.channel = 'email' and words.count > 150
        then format('The text of an e-mail has at most 150 words; this has %s.', words.count) end
    ], null)
    from (select count(*) as count from regexp_split_to_table(message.body, '\s+') word where word <> '') words
  $$;
comment on function leadgen.messages_exceeded_limits(leadgen.messages) is
  'What is longer than its channel takes, in sentences; empty where all is well. A reviewer may approve it all the same.';
grant execute on function leadgen.messages_exceeded_limits(leadgen.messages) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/review_messages.sql
--! Included leadgen/triage_companies.sql
create or replace function app_private.move_company(
  deed text, company_id uuid, version integer, note text, to_status leadgen.company_status, variadic from_statuses leadgen.company_status[]
) returns leadgen.companies
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    company leadgen.companies;
  begin
    perform app_private.require_role(deed, 'editor', 'admin');
    select * into company
    from leadgen.companies c
    where c.tenant_id = app.current_tenant_id() and c.id = move_company.company_id and c.merged_into_id is null
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'company', company_id::text);
    end if;
    if version is not null and version <> company.version then
      perform app_private.raise_error('LF005', 'company', version::text, company.version::text, company.version::text);
    end if;
    if company.status <> all (from_statuses) then
      perform app_private.refuse_step('leadgen_company', company.status::text, to_status::text);
    end if;
    update leadgen.companies c
    set status = to_status, triage_notes = coalesce(nullif(btrim(note), ''), c.triage_notes)
    where c.tenant_id = company.tenant_id and c.id = company.id
    returning * into company;
    return company;
  end
  $$;
comment on function app_private.move_company(text, uuid, integer, text, leadgen.company_status, leadgen.company_status[]) is
  'Moves a company of this tenant on, for a person. Refuses unknown ids, stale versions and other states. For definers.';

create or replace function leadgen.pass_company(company_id uuid, note text default null, version integer default null) returns leadgen.companies
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select app_private.move_company('pass a company', company_id, version, note, 'triage_passed', 'triage_review', 'enriched', 'needs_review')
  $$;
comment on function leadgen.pass_company(uuid, text, integer) is
  'Passes a company that waits for a person''s decision on to the second stage of research. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.pass_company(uuid, text, integer) to :EDITOR;

create or replace function leadgen.disqualify_company(company_id uuid, note text default null, version integer default null)
  returns leadgen.companies
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select app_private.move_company(
      'disqualify a company', company_id, version, note, 'triage_disqualified', 'triage_review', 'enriched', 'needs_review')
  $$;
comment on function leadgen.disqualify_company(uuid, text, integer) is
  'Takes a company that waits for a person''s decision out of the pipeline. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.disqualify_company(uuid, text, integer) to :EDITOR;

create or replace function leadgen.reconsider_company(company_id uuid, note text default null, version integer default null)
  returns leadgen.companies
  language sql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select app_private.move_company('reconsider a company', company_id, version, note, 'triage_review', 'triage_disqualified')
  $$;
comment on function leadgen.reconsider_company(uuid, text, integer) is
  'Brings a disqualified company back before a person. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.reconsider_company(uuid, text, integer) to :EDITOR;

create or replace function leadgen.retry_company(company_id uuid, version integer default null) returns leadgen.companies
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    failed leadgen.company_status;
    again leadgen.company_status;
  begin
    select c.status into failed
    from leadgen.companies c
    where c.tenant_id = app.current_tenant_id() and c.id = retry_company.company_id
    for update;
    again := case failed
      when 'enrichment_l2_failed' then 'triage_passed' when 'error_pushing_lemlist' then 'enriched_l2' else 'new' end;
    return app_private.move_company(
      'retry a company', company_id, version, null, again, 'enrichment_failed', 'enrichment_l2_failed', 'error_pushing_lemlist');
  end
  $$;
comment on function leadgen.retry_company(uuid, integer) is
  'Takes a company whose research or hand-over failed back to where it can be tried again. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.retry_company(uuid, integer) to :EDITOR;

create or replace function leadgen.restart_messages(contact_id uuid, version integer default null) returns leadgen.contacts
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    contact leadgen.contacts;
  begin
    perform app_private.require_role('restart the messages of a contact', 'editor', 'admin');
    select * into contact
    from leadgen.contacts c
    where c.tenant_id = app.current_tenant_id() and c.id = restart_messages.contact_id and c.merged_into_id is null
    for update;
    if not found then
      perform app_private.raise_error('LF006', 'contact', contact_id::text);
    end if;
    if version is not null and version <> contact.version then
      perform app_private.raise_error('LF005', 'contact', version::text, contact.version::text, contact.version::text);
    end if;
    if contact.message_status not in ('no_channel', 'generating', 'generation_failed', 'pending_review') then
      perform app_private.refuse_step('leadgen_contact', contact.message_status::text, 'not_started');
    end if;
    update leadgen.contacts c set message_status = 'not_started', error_message = null
    where c.tenant_id = contact.tenant_id and c.id = contact.id
    returning * into contact;
    return contact;
  end
  $$;
comment on function leadgen.restart_messages(uuid, integer) is
  'Lets the next run write messages to a contact anew, as long as none was approved. Definer, because statuses are written by mutations alone.';
grant execute on function leadgen.restart_messages(uuid, integer) to :EDITOR;
--! EndIncluded leadgen/triage_companies.sql
--! Included leadgen/research_json.sql
create or replace function app.fenced_json(text text) returns jsonb
  language plpgsql immutable parallel safe
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    inner_text constant text := coalesce(substring(text from '^\s*```[a-zA-Z]*\s*(.*?)\s*```\s*$'), text);
  begin
    -- Two statements: planned in one, the cast is tried before the question is answered.
    if inner_text is json then
      return inner_text::jsonb;
    end if;
    return null;
  end
  $$;
comment on function app.fenced_json(text) is 'JSON out of a text that is JSON, as such or between ``` fences; null for another text.';
grant execute on function app.fenced_json(text) to :VIEWER, :WORKER, :AUTOMATION;

create or replace function leadgen.research_assets_research_json(asset leadgen.research_assets) returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$ select app.fenced_json(asset.research_data) $$;
comment on function leadgen.research_assets_research_json(leadgen.research_assets) is
  'The answer as JSON, where it is JSON, as such or between ``` fences.';
grant execute on function leadgen.research_assets_research_json(leadgen.research_assets) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/research_json.sql
