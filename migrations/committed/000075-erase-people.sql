--! Previous: sha1:8d82c0a8a82084c75fc964fbe8593c3f0847b5eb
--! Hash: sha1:514bbd3670c29ec3553272cff068def6107bef55
--! Message: erase people

-- What there is about one person can be taken along and taken away, and does not come back with the next import.
set local lock_timeout = '3s';

create table app_private.erased_rows (
  tenant_id uuid not null,
  row_id uuid not null,
  erased_at timestamptz not null default now(),
  constraint erased_rows_pkey primary key (tenant_id, row_id),
  constraint erased_rows_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id) on delete cascade
);
alter table app_private.erased_rows enable row level security;
alter table app_private.erased_rows force row level security;

--! Included tenancy/person_errors.sql
insert into app.errors (code, name, http_status, message, way_out) values
  ('LF464', 'admin_unknown', 403, 'Nobody who is an admin of this tenant has the address %s.', 'What is known about a person is handed out and erased at the word of an admin of the tenant: name one with --by.'),
  ('LF465', 'contact_unknown', 404, 'The tenant has no contact %s.', 'Give its id, as the API and psql show it.'),
  ('LF466', 'contact_merged', 409, 'This contact was merged into another one, %s.', 'Name that one: what belongs to it includes this.'),
  ('LF467', 'import_under_way', 409, 'The import %s is not at its end.', 'Wait for it, or cancel it: landfall import cancel.'),
  ('LF468', 'user_unknown', 404, 'Nobody who belongs to the tenant has the address %s.', 'Give the address that the person signs in with; landfall tenant list names the tenants.'),
  ('LF469', 'person_elsewhere', 409, 'This person belongs to more than this tenant: %s.', 'Let the others remove them first; an operator is removed by landfall operator remove.'),
  ('LF470', 'import_texts_erased', 410, 'People were erased since this import, and the texts of their records with them.', 'What was proved then is in its report; import the source again to prove what is there now.')
on conflict (code) do update
  set name = excluded.name, http_status = excluded.http_status, message = excluded.message, way_out = excluded.way_out
  where (errors.name, errors.http_status, errors.message, errors.way_out)
    is distinct from (excluded.name, excluded.http_status, excluded.message, excluded.way_out);
--! EndIncluded tenancy/person_errors.sql
--! Included imports/erased_rows.sql
-- Rows of people who were erased, by id alone. The id of an imported row is a hash of its source, collection and record: the next import knows
-- the record by it, and keeps nothing of it.
drop policy if exists select_owner on app_private.erased_rows;
create policy select_owner on app_private.erased_rows for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.erased_rows;
create policy insert_owner on app_private.erased_rows for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.erased_rows;
create policy update_owner on app_private.erased_rows for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.erased_rows;
create policy delete_owner on app_private.erased_rows for delete to :OWNER using (true);

comment on table app_private.erased_rows is '@class private
Ids of rows that went with a person who was erased. Imports leave out the records that they come from.';

create or replace function app_private.erased_row_ids() returns setof uuid
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$ select e.row_id from app_private.erased_rows e where e.tenant_id = app.current_tenant_id() $$;
comment on function app_private.erased_row_ids() is
  'The rows of this tenant that no import may bring back. Definer, because the table is private. For the worker, which imports.';
revoke all on function app_private.erased_row_ids() from public;
grant execute on function app_private.erased_row_ids() to :WORKER;
--! EndIncluded imports/erased_rows.sql
--! Included audit/changes.sql
-- People read their tenant's record, nobody changes it. Grants are on the parent alone: a partition is reached through it.
drop policy if exists all_tenant on audit.changes;
create policy all_tenant on audit.changes as restrictive
  to :VISITOR, :VIEWER, :EDITOR, :ADMIN, :CLIENT, :OPERATOR, :WORKER, :REPORTER, :AUTOMATION
  using (tenant_id = (select app.current_tenant_id()))
  with check (tenant_id = (select app.current_tenant_id()));
drop policy if exists select_owner on audit.changes;
create policy select_owner on audit.changes for select to :OWNER using (true);
drop policy if exists insert_owner on audit.changes;
create policy insert_owner on audit.changes for insert to :OWNER with check (true);
-- The one door: what a tenant that is being deleted leaves behind. audit.operator_deeds says who opened it.
drop policy if exists delete_owner on audit.changes;
create policy delete_owner on audit.changes for delete to :OWNER
  using (tenant_id in (select t.id from tenancy.tenants t where t.deletion_begun_at is not null));
-- And one through which values leave, and nothing comes in: app_private.blank_changes, where a person is erased. The triggers below keep it.
drop policy if exists update_owner on audit.changes;
create policy update_owner on audit.changes for update to :OWNER using (true) with check (true);
drop policy if exists select_viewer on audit.changes;
-- Where a person signed in from is theirs and the admins' to know, as in tenancy.sessions.
create policy select_viewer on audit.changes for select to :VIEWER
  using (tenant_id = (select app.current_tenant_id()) and table_name <> 'tenancy.sessions');
drop policy if exists select_admin on audit.changes;
create policy select_admin on audit.changes for select to :ADMIN using (tenant_id = (select app.current_tenant_id()));

grant select on table audit.changes to :VIEWER;

-- Whoever tries to alter it learns why not, and the owner cannot empty the table by mistake either.
create or replace function app_private.tg_changes__refuse_change() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'DELETE' and (
      -- Said by the functions that bring entries into their month, and that forget old ones.
      current_setting('app.moves_changes', true) = 'on'
      or exists (select from tenancy.tenants t where t.deletion_begun_at is not null)
    ) then
      return null;
    end if;
    if tg_op = 'UPDATE' and current_setting('app.blanks_changes', true) = 'on' then
      return null;
    end if;
    perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_change() is
  'Refuses every statement that would alter the record, but for the deletion of what a leaving tenant has in it and of what has had its time, and for the blanking of values. Definer, to raise our error for whoever tries.';

create or replace trigger _200_refuse_change before update or delete or truncate on audit.changes
  for each statement execute function app_private.tg_changes__refuse_change();

-- After the policy, for those whom no policy binds: not a row of a tenant that stays goes through the door.
create or replace function app_private.tg_changes__refuse_deletion() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (
      select from old_rows o
      where not exists (select from tenancy.tenants t where t.id = o.tenant_id and t.deletion_begun_at is not null)
    ) then
      perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_deletion() is
  'Refuses to delete the record of a tenant that is not being deleted. Definer, to raise our error for whoever tries.';
create or replace trigger _210_refuse_deletion after delete on audit.changes
  referencing old table as old_rows for each statement execute function app_private.tg_changes__refuse_deletion();

create or replace function app_private.without_values(changes jsonb) returns jsonb
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select jsonb_object_agg(value.key, null) from jsonb_each(changes) value $$;
comment on function app_private.without_values(jsonb) is 'Which columns an entry of the record is about, without what they said.';

-- After the policy, for those whom no policy binds: an entry can lose its values, and nothing else can become of it.
create or replace function app_private.tg_changes__refuse_rewriting() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if exists (
      select from old_rows o
      full join new_rows n on n.tenant_id = o.tenant_id and n.changed_at = o.changed_at and n.id = o.id
      where to_jsonb(n) is distinct from jsonb_set(to_jsonb(o), '{changes}', coalesce(app_private.without_values(o.changes), 'null'))
    ) then
      perform app_private.raise_error('LF007', 'record of a change', 'change the row that it is about, and that is recorded too');
    end if;
    return null;
  end
  $$;
comment on function app_private.tg_changes__refuse_rewriting() is
  'Refuses to make anything of an entry but the same one without values. Definer, to raise our error for whoever tries.';
create or replace trigger _210_refuse_rewriting after update on audit.changes
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_changes__refuse_rewriting();

create or replace function app_private.blank_changes(tenant_id uuid, entry_ids uuid[]) returns integer
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    blanked integer;
  begin
    perform set_config('app.blanks_changes', 'on', true);
    update audit.changes c
    set changes = app_private.without_values(c.changes)
    where c.tenant_id = blank_changes.tenant_id and c.id = any (blank_changes.entry_ids) and c.changes is not null;
    get diagnostics blanked = row_count;
    perform set_config('app.blanks_changes', 'off', true);
    return blanked;
  end
  $$;
comment on function app_private.blank_changes(uuid, uuid[]) is
  'Takes the values out of these entries of the record, and says of how many; who did what to which columns, and when, stays. For the erasure of people.';

comment on table audit.changes is '@class tenant
Every change to a tenant''s rows: updates with the columns that changed, deletes with the old row, inserts without values. The inserts of an import are one entry for a statement; its ledger has the rows.';
comment on column audit.changes.table_name is 'Schema and table.';
comment on column audit.changes.row_id is 'The row; null for the inserts of an import.';
comment on column audit.changes.row_count is 'How many rows the entry stands for.';
comment on column audit.changes.changes is 'Of an update {column: [before, after]}, of a delete the old row.';
comment on column audit.changes.source is 'Through what the change came: the API, SQL at a prompt, a job of the worker, an import batch.';
comment on column audit.changes.user_id is 'The person, where one was signed in.';
comment on column audit.changes.login_name is 'The database login.';
comment on column audit.changes.request_id is 'The request of the API, as its log names it.';
comment on table audit.changes_default is '@class private
The entries for which no month was made in time.';
--! EndIncluded audit/changes.sql
--! Included tenancy/erase_people.sql
-- One person's data: what belongs to them, and how it goes. For landfall person, as the owner.
create or replace function app_private.find_admin(tenant_id uuid, email text) returns uuid
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    admin_id uuid;
  begin
    select u.id into admin_id
    from tenancy.users u
    join tenancy.memberships m on m.user_id = u.id
    where m.tenant_id = find_admin.tenant_id and m.role = 'admin' and u.is_active and u.email = lower(trim(find_admin.email));
    if not found then
      perform app_private.raise_error('LF464', find_admin.email);
    end if;
    return admin_id;
  end
  $$;
comment on function app_private.find_admin(uuid, text) is 'The admin of the tenant with this address, at whose word a person''s data are handed out or erased.';

create or replace function app_private.contact_rows(tenant_id uuid, contact_id uuid, out table_names text[], out row_ids uuid[])
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    place integer := 1;
    reference record;
    more uuid[];
    merged_into uuid;
  begin
    select c.merged_into_id into merged_into from leadgen.contacts c where c.tenant_id = contact_rows.tenant_id and c.id = contact_rows.contact_id;
    if not found then
      perform app_private.raise_error('LF465', contact_rows.contact_id::text);
    elsif merged_into is not null then
      perform app_private.raise_error('LF466', merged_into::text);
    end if;
    table_names := array['leadgen.contacts'];
    row_ids := array[contact_rows.contact_id];
    -- What refers to a row of theirs is theirs, too.
    loop
      while place <= cardinality(row_ids) loop
        for reference in
          select k.conrelid::regclass::text as table_name, a.attname as column_name
          from pg_constraint k
          join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
          where k.contype = 'f' and k.confrelid = table_names[place]::regclass
          order by k.conrelid::regclass::text, a.attname
        loop
          execute format(
            'select coalesce(array_agg(r.id), ''{}'') from %s r where r.tenant_id = $1 and r.%I = $2 and not exists (select from unnest($3, $4) theirs (t, i) where theirs.t = $5 and theirs.i = r.id)',
            reference.table_name, reference.column_name)
          into more using contact_rows.tenant_id, row_ids[place], table_names, row_ids, reference.table_name;
          table_names := table_names || array_fill(reference.table_name, array[cardinality(more)]);
          row_ids := row_ids || more;
        end loop;
        place := place + 1;
      end loop;
      -- So is a task or an event that is about nobody else.
      with theirs as (select t.name, t.id from unnest(table_names, row_ids) t (name, id)),
      alone as (
        select 'leadgen.tasks' as name, l.task_id as id
        from leadgen.task_contacts l
        where l.tenant_id = contact_rows.tenant_id
        group by l.task_id
        having bool_and(l.id in (select theirs.id from theirs where theirs.name = 'leadgen.task_contacts'))
        union all
        select 'leadgen.crm_events', l.crm_event_id
        from leadgen.crm_event_participants l
        where l.tenant_id = contact_rows.tenant_id
        group by l.crm_event_id
        having bool_and(l.id in (select theirs.id from theirs where theirs.name = 'leadgen.crm_event_participants'))
      )
      select table_names || coalesce(array_agg(alone.name order by alone.name, alone.id), '{}'), row_ids || coalesce(array_agg(alone.id order by alone.name, alone.id), '{}')
      into table_names, row_ids
      from alone
      where (alone.name, alone.id) not in (select theirs.name, theirs.id from theirs);
      exit when place > cardinality(row_ids);
    end loop;
    -- And what was deleted before, as far as the record knows whose it was.
    with gone as (
      select distinct c.table_name, c.row_id
      from pg_constraint k
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
      join audit.changes c on c.table_name = k.conrelid::regclass::text
      where k.contype = 'f' and k.confrelid = 'leadgen.contacts'::regclass
        and c.tenant_id = contact_rows.tenant_id and c.action = 'delete' and c.changes ->> a.attname = any (row_ids::text[])
    )
    select table_names || coalesce(array_agg(gone.table_name order by gone.table_name, gone.row_id), '{}'),
      row_ids || coalesce(array_agg(gone.row_id order by gone.table_name, gone.row_id), '{}')
    into table_names, row_ids
    from gone
    where (gone.table_name, gone.row_id) not in (select t.name, t.id from unnest(table_names, row_ids) t (name, id));
    -- What people put right in their records, and what the base had noted of them before it came here.
    select table_names || coalesce(array_agg(noted.name order by noted.name, noted.id), '{}'), row_ids || coalesce(array_agg(noted.id order by noted.name, noted.id), '{}')
    into table_names, row_ids
    from (
      select distinct 'imports.fixes' as name, f.id
      from imports.fixes f
      join imports.batches b on b.tenant_id = f.tenant_id and b.source_id = f.source_id
      join imports.records r on r.tenant_id = b.tenant_id and r.batch_id = b.id and r.record_id = f.record_id
      where f.tenant_id = contact_rows.tenant_id and r.row_id = any (row_ids)
      union
      select 'leadgen.history', h.id
      from leadgen.history h
      join imports.records r on r.tenant_id = h.tenant_id and r.record_id = h.entity_id
      where h.tenant_id = contact_rows.tenant_id and r.row_id = any (row_ids)
    ) noted;
  end
  $$;
comment on function app_private.contact_rows(uuid, uuid) is
  'Every row about a contact, those first that others refer to: what refers to it, tasks and events that are about nobody else, what was deleted, put right or noted before.';

create or replace function app_private.erase_contact(tenant_id uuid, contact_id uuid, admin_id uuid) returns jsonb
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    contact leadgen.contacts;
    theirs record;
    batch_ids uuid[];
    running_id uuid;
    counts jsonb := '{}';
    affected integer;
    files text[];
  begin
    perform from tenancy.tenants t where t.id = erase_contact.tenant_id for share;
    select c.* into contact from leadgen.contacts c where c.tenant_id = erase_contact.tenant_id and c.id = erase_contact.contact_id for update;
    -- An import under way has texts in hand that it would write again.
    select b.id into running_id from imports.batches b
    where b.tenant_id = erase_contact.tenant_id and b.status in ('queued', 'running', 'paused', 'verifying', 'rolling_back')
    limit 1;
    if running_id is not null then
      perform app_private.raise_error('LF467', running_id::text);
    end if;
    select * into theirs from app_private.contact_rows(erase_contact.tenant_id, erase_contact.contact_id);
    select coalesce(array_agg(b.id), '{}') into batch_ids from imports.batches b where b.tenant_id = erase_contact.tenant_id;

    for place in reverse cardinality(theirs.row_ids) .. 1 loop
      execute format('delete from %s t where t.tenant_id = $1 and t.id = $2', theirs.table_names[place])
      using erase_contact.tenant_id, theirs.row_ids[place];
      get diagnostics affected = row_count;
      if affected > 0 then
        counts := jsonb_set(counts, array[theirs.table_names[place]], to_jsonb(coalesce((counts ->> theirs.table_names[place])::integer, 0) + affected));
      end if;
    end loop;
    counts := jsonb_build_object('rows', counts);

    -- Others may say whom they look like.
    update leadgen.contacts c set duplicity_detail = null
    where c.tenant_id = erase_contact.tenant_id
      and (strpos(c.duplicity_detail, contact.full_name) > 0 or strpos(c.duplicity_detail, contact.email) > 0);

    -- Of what was imported the hashes, outcomes and sums stay, and no text.
    update app_private.import_payloads p
    set source_text = '{}', source_bytes = null, fixed_text = null, rows = null, fates_id = null, refusal = 'person_erased'
    where p.batch_id = any (batch_ids) and p.row_id = any (theirs.row_ids);
    get diagnostics affected = row_count;
    counts := counts || jsonb_build_object('importedTexts', affected);
    delete from app_private.import_before_images i where i.batch_id = any (batch_ids) and i.row_id = any (theirs.row_ids);
    update imports.issues i set original = null, existing_value = null, detail = null
    where i.tenant_id = erase_contact.tenant_id and i.row_id = any (theirs.row_ids)
      and num_nonnulls(i.original, i.existing_value, i.detail) > 0;
    update imports.undoings u set detail = null
    where u.tenant_id = erase_contact.tenant_id and u.row_id = any (theirs.row_ids) and u.detail is not null;
    with hung as (
      select a.id, a.sha256 from imports.attachments a
      where a.tenant_id = erase_contact.tenant_id and a.row_id = any (theirs.row_ids)
      for update
    ), taken as (
      update imports.attachments a
      set file_id = a.id::text, file_name = '(erased)', media_type = null, byte_size = null, sha256 = null, problem = 'person_erased'
      from hung where a.tenant_id = erase_contact.tenant_id and a.id = hung.id
    )
    select coalesce(array_agg(distinct encode(hung.sha256, 'hex')) filter (where hung.sha256 is not null), '{}') into files from hung;

    -- Answers that are kept for a day.
    update app_private.idempotency_keys k set results = null, answer = null
    where k.tenant_id = erase_contact.tenant_id and exists (
      select from unnest(theirs.row_ids::text[] || contact.full_name || contact.email) said
      where length(said) > 3 and strpos(coalesce(k.answer, '') || coalesce(k.results::text, ''), said) > 0
    );

    -- Last, since all of this is recorded as well.
    affected := app_private.blank_changes(erase_contact.tenant_id, array(
      select c.id from audit.changes c
      join unnest(theirs.table_names, theirs.row_ids) t (name, id) on t.name = c.table_name and t.id = c.row_id
      where c.tenant_id = erase_contact.tenant_id
      union
      select c.id from audit.changes c
      where c.tenant_id = erase_contact.tenant_id and c.table_name = 'leadgen.contacts'
        and (strpos(c.changes ->> 'duplicity_detail', contact.full_name) > 0 or strpos(c.changes ->> 'duplicity_detail', contact.email) > 0)
    ));
    counts := counts || jsonb_build_object('recordedChanges', affected, 'files', cardinality(files));
    insert into app_private.erased_rows (tenant_id, row_id)
    select erase_contact.tenant_id, id from unnest(theirs.row_ids) id
    on conflict on constraint erased_rows_pkey do nothing;
    perform app_private.record_deed('person_erased', t.id, t.slug,
      jsonb_build_object('kind', 'contact', 'id', erase_contact.contact_id, 'admin', erase_contact.admin_id) || counts)
    from tenancy.tenants t where t.id = erase_contact.tenant_id;
    return counts || jsonb_build_object('fileHashes', files);
  end
  $$;
comment on function app_private.erase_contact(uuid, uuid, uuid) is
  'Deletes every row about a contact, takes the texts out of what was imported of them and the values out of what is recorded, and keeps their ids, so that no import brings them back. Gives counts, and the files that hung on their records. For landfall person erase.';

create or replace function app_private.erase_user(tenant_id uuid, email text, admin_id uuid) returns jsonb
  language plpgsql volatile
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    person tenancy.users;
    elsewhere text;
    erased record;
    counts jsonb;
    mails integer;
  begin
    select u.* into person
    from tenancy.users u
    join tenancy.memberships m on m.user_id = u.id and m.tenant_id = erase_user.tenant_id
    where u.email = lower(trim(erase_user.email))
    for update of u;
    if not found then
      perform app_private.raise_error('LF468', erase_user.email);
    end if;
    -- What a person is to other tenants is not this one's to tell.
    select string_agg(place, ' and ') into elsewhere
    from (
      select 'other tenants' as place where exists (select from tenancy.memberships m where m.user_id = person.id and m.tenant_id <> erase_user.tenant_id)
      union all
      select 'the operators' where exists (select from tenancy.operators o where o.user_id = person.id)
    ) places;
    if elsewhere is not null then
      perform app_private.raise_error('LF469', elsewhere);
    end if;

    select array_agg(theirs.name) as table_names, array_agg(theirs.id) as row_ids into erased
    from (
      select 'tenancy.sessions' as name, s.id from tenancy.sessions s where s.tenant_id = erase_user.tenant_id and s.user_id = person.id
      union all
      select 'tenancy.api_keys', k.id from tenancy.api_keys k where k.tenant_id = erase_user.tenant_id and k.user_id = person.id
      union all
      select 'tenancy.memberships', m.id from tenancy.memberships m where m.tenant_id = erase_user.tenant_id and m.user_id = person.id
      union all
      select distinct c.table_name, c.row_id
      from audit.changes c
      where c.tenant_id = erase_user.tenant_id and c.table_name in ('tenancy.sessions', 'tenancy.api_keys', 'tenancy.memberships')
        and c.action = 'delete' and c.changes ->> 'user_id' = person.id::text
    ) theirs;

    delete from app_private.api_key_hashes h using tenancy.api_keys k
    where k.tenant_id = erase_user.tenant_id and k.user_id = person.id and h.tenant_id = k.tenant_id and h.api_key_id = k.id;
    update tenancy.api_keys k set name = 'erased', hint = '', revoked_at = coalesce(k.revoked_at, now())
    where k.tenant_id = erase_user.tenant_id and k.user_id = person.id;
    update tenancy.sessions s set user_agent = null, ip_address = null, revoked_at = coalesce(s.revoked_at, now())
    where s.user_id = person.id;
    delete from tenancy.memberships m where m.user_id = person.id;
    delete from app_private.passwords p where p.user_id = person.id;
    delete from app_private.password_resets r where r.user_id = person.id;
    delete from app_private.mails m where m.user_id = person.id or lower(m.recipient) = person.email;
    get diagnostics mails = row_count;
    delete from app_private.idempotency_keys k where k.user_id = person.id;
    delete from app_private.sign_in_failures f where f.email_hash = app_private.email_hash(person.email);
    delete from app_private.allowances a where split_part(a.bucket, ':', 2) = person.id::text;
    update tenancy.users u
    set email = 'erased-' || u.id || '@erased.invalid', name = 'Erased person', is_active = false, muted_notifications = '{}'
    where u.id = person.id;
    counts := jsonb_build_object(
      'sessions', (select count(*) from unnest(erased.table_names) t where t = 'tenancy.sessions'),
      'apiKeys', (select count(*) from unnest(erased.table_names) t where t = 'tenancy.api_keys'),
      'mails', mails,
      'recordedChanges', app_private.blank_changes(erase_user.tenant_id, array(
        select c.id from audit.changes c
        join unnest(erased.table_names, erased.row_ids) t (name, id) on t.name = c.table_name and t.id = c.row_id
        where c.tenant_id = erase_user.tenant_id
      ))
    );
    perform app_private.record_deed('person_erased', t.id, t.slug,
      jsonb_build_object('kind', 'user', 'id', person.id, 'admin', erase_user.admin_id) || counts)
    from tenancy.tenants t where t.id = erase_user.tenant_id;
    return counts;
  end
  $$;
comment on function app_private.erase_user(uuid, text, uuid) is
  'Takes away how a person signed in, where from, what was mailed to them, and their name and address; what they did stays, under their id, which is nobody''s any more. For landfall person erase.';
--! EndIncluded tenancy/erase_people.sql
