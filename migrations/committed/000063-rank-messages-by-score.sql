--! Previous: sha1:6686e371b1cc7fc2b9b8c756dd32ef91f5e4efa9
--! Hash: sha1:38964b3927d519f99a80c937a6c57a03b5d770a4
--! Message: rank messages by score

-- The list that people open every morning: the messages of one owner that wait for review, those to the best contacts first.
set local lock_timeout = '3s';

create table app_private.leadgen_message_ranks (
  id uuid not null,
  tenant_id uuid not null,
  contact_id uuid not null,
  owner_id uuid,
  status leadgen.message_status not null,
  channel leadgen.message_channel not null,
  score_rank numeric not null,
  sequence_step integer not null,
  variant leadgen.message_variant not null,
  constraint leadgen_message_ranks_pkey primary key (tenant_id, id),
  constraint leadgen_message_ranks_tenant_id_fkey foreign key (tenant_id) references tenancy.tenants (id)
);
alter table app_private.leadgen_message_ranks enable row level security;
alter table app_private.leadgen_message_ranks force row level security;
create index leadgen_message_ranks_tenant_id_owner_id_idx
  on app_private.leadgen_message_ranks (tenant_id, owner_id, status, score_rank, sequence_step, variant, id) include (channel);
create index leadgen_message_ranks_tenant_id_status_idx
  on app_private.leadgen_message_ranks (tenant_id, status, score_rank, sequence_step, variant, id) include (channel);
create index leadgen_message_ranks_tenant_id_contact_id_idx on app_private.leadgen_message_ranks (tenant_id, contact_id);

create type leadgen.message_page as (messages leadgen.messages[], has_next_page boolean, end_cursor text);
grant usage on type leadgen.message_page to public;

--! Included leadgen/score_rank.sql
-- Immutable, since indexes are made of it, and in the standard's form without settings, so that the planner sees through it.
create or replace function app.score_rank(score numeric) returns numeric
  language sql immutable parallel safe
  return coalesce(- score, 'Infinity');
comment on function app.score_rank(numeric) is 'A score as a place in a list: the best come first, and those without one last.';
-- Whoever writes a row writes its index entry too.
grant execute on function app.score_rank(numeric) to :EDITOR, :WORKER, :AUTOMATION;
--! EndIncluded leadgen/score_rank.sql
--! Included leadgen/read_cursor.sql
-- Where a page ends: what its last row is sorted by, opaque to whoever sends it back. The next page is what comes behind that, however many
-- rows were added or removed in front of it.
create or replace function app_private.write_cursor(list text, variadic sorted_by text[]) returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
  as $$ select translate(encode(convert_to(to_jsonb(list || sorted_by)::text, 'UTF8'), 'base64'), E'\n', '') $$;
comment on function app_private.write_cursor(text, text[]) is 'The name of a list and what the last row of a page is sorted by, as one word.';

create or replace function app_private.read_cursor(cursor text, list text, variadic types text[]) returns text[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  declare
    sorted_by text[];
  begin
    if cursor is null then
      return null;
    end if;
    begin
      select array_agg(e.value order by e.place) into sorted_by
      from jsonb_array_elements_text(convert_from(decode(cursor, 'base64'), 'UTF8')::jsonb) with ordinality e (value, place);
    exception when data_exception then
      sorted_by := null;
    end;
    if sorted_by[1] is distinct from list or cardinality(sorted_by) <> cardinality(types) + 1 or exists (
      select from unnest(sorted_by[2:], types) part (value, type) where part.value is null or not pg_input_is_valid(part.value, part.type)
    ) then
      perform app_private.raise_error('LF009', 'No page of this list ended at ' || left(cursor, 60) || '.',
        'Send the endCursor of the page before, with the same order, or nothing for the first page.');
    end if;
    return sorted_by[2:];
  end
  $$;
comment on function app_private.read_cursor(text, text, text[]) is
  'The values in a cursor, each of its type; refuses one that this list did not write. For definers.';

create or replace function app_private.check_page_size(first integer) returns void
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if first is null or first not between 1 and 100 then
      perform app_private.raise_error('LF009', 'A page has 1 to 100 rows, not ' || coalesce(first::text, 'all') || '.', 'Ask for at most 100, and for the next page by its endCursor.');
    end if;
  end
  $$;
comment on function app_private.check_page_size(integer) is 'Refuses pages of no rows and of too many. For definers.';
--! EndIncluded leadgen/read_cursor.sql
--! Included leadgen/message_ranks.sql
-- Where each message stands in the list of its owner: by its contact's score, which is in another table. Kept by triggers on both. Whoever
-- writes a message holds its contact against a change of the score until it is committed, so that neither misses the other.
drop policy if exists select_owner on app_private.leadgen_message_ranks;
create policy select_owner on app_private.leadgen_message_ranks for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.leadgen_message_ranks;
create policy insert_owner on app_private.leadgen_message_ranks for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.leadgen_message_ranks;
create policy update_owner on app_private.leadgen_message_ranks for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.leadgen_message_ranks;
create policy delete_owner on app_private.leadgen_message_ranks for delete to :OWNER using (true);

comment on table app_private.leadgen_message_ranks is '@class private
What leadgen.find_messages sorts by. Derived from messages and contacts, row for row; app_private.leadgen_rank_differences() compares them.';
comment on column app_private.leadgen_message_ranks.id is 'The message''s id.';
comment on column app_private.leadgen_message_ranks.tenant_id is 'The tenant that the message belongs to.';
comment on column app_private.leadgen_message_ranks.score_rank is 'The contact''s score below zero, so that the best come first; see app.score_rank.';

create or replace function app_private.tg_messages__rank() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    if tg_op = 'UPDATE' then
      update app_private.leadgen_message_ranks r
      set owner_id = n.owner_id, status = n.status, channel = n.channel, sequence_step = n.sequence_step, variant = n.variant
      from new_rows n
      join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
      where r.tenant_id = n.tenant_id and r.id = n.id
        and (n.owner_id, n.status, n.channel, n.sequence_step, n.variant) is distinct from (o.owner_id, o.status, o.channel, o.sequence_step, o.variant);
      if not exists (
        select from new_rows n join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id where o.contact_id <> n.contact_id
      ) then
        return null;
      end if;
      -- A merge gave them to another contact.
      delete from app_private.leadgen_message_ranks r
      using new_rows n
      where r.tenant_id = n.tenant_id and r.id = n.id;
    end if;
    insert into app_private.leadgen_message_ranks (id, tenant_id, contact_id, owner_id, status, channel, score_rank, sequence_step, variant)
    select n.id, n.tenant_id, n.contact_id, n.owner_id, n.status, n.channel, app.score_rank(c.contact_score), n.sequence_step, n.variant
    from new_rows n
    join leadgen.contacts c on c.tenant_id = n.tenant_id and c.id = n.contact_id
    order by c.id
    for share of c;
    return null;
  end
  $$;
comment on function app_private.tg_messages__rank() is 'Ranks messages by their contacts'' scores. Definer, because nobody writes ranks by hand.';
create or replace trigger _510_rank_inserted after insert on leadgen.messages
  referencing new table as new_rows for each statement execute function app_private.tg_messages__rank();
create or replace trigger _510_rank_updated after update on leadgen.messages
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_messages__rank();

create or replace function app_private.tg_messages__unrank() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    delete from app_private.leadgen_message_ranks r using old_rows o where r.tenant_id = o.tenant_id and r.id = o.id;
    return null;
  end
  $$;
comment on function app_private.tg_messages__unrank() is 'Takes the ranks of deleted messages away. Definer, because nobody writes ranks by hand.';
create or replace trigger _510_unrank_deleted after delete on leadgen.messages
  referencing old table as old_rows for each statement execute function app_private.tg_messages__unrank();

create or replace function app_private.tg_contacts__rank_messages() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  as $$
  begin
    update app_private.leadgen_message_ranks r
    set score_rank = app.score_rank(n.contact_score)
    from new_rows n
    join old_rows o on o.tenant_id = n.tenant_id and o.id = n.id
    where r.tenant_id = n.tenant_id and r.contact_id = n.id and n.contact_score is distinct from o.contact_score;
    return null;
  end
  $$;
comment on function app_private.tg_contacts__rank_messages() is 'Moves messages in their lists when a contact''s score changes. Definer, because nobody writes ranks by hand.';
create or replace trigger _510_rank_messages after update on leadgen.contacts
  referencing old table as old_rows new table as new_rows for each statement execute function app_private.tg_contacts__rank_messages();

create or replace function app_private.leadgen_rank_differences() returns table (tenant_id uuid, message_id uuid, ranked jsonb, actual jsonb)
  language sql stable
  set search_path = pg_catalog, pg_temp
  as $$
    with actual as (
      select m.id, m.tenant_id, m.contact_id, m.owner_id, m.status, m.channel, app.score_rank(c.contact_score) as score_rank, m.sequence_step, m.variant
      from leadgen.messages m
      join leadgen.contacts c on c.tenant_id = m.tenant_id and c.id = m.contact_id
    )
    select coalesce(a.tenant_id, r.tenant_id), coalesce(a.id, r.id), to_jsonb(r), to_jsonb(a)
    from actual a
    full join app_private.leadgen_message_ranks r on r.tenant_id = a.tenant_id and r.id = a.id
    where to_jsonb(r) is distinct from to_jsonb(a)
  $$;
comment on function app_private.leadgen_rank_differences() is
  'The ranks that are not as the messages and contacts say; none, unless triggers were switched off. For the owner, in psql.';
--! EndIncluded leadgen/message_ranks.sql
--! Included leadgen/find_messages.sql
comment on type leadgen.message_page is 'A page of messages.';
comment on column leadgen.message_page.messages is 'The messages, the best contacts'' first.';
comment on column leadgen.message_page.has_next_page is 'Whether there are more behind these.';
comment on column leadgen.message_page.end_cursor is 'Where this page ends: send it as after for the next one.';

create or replace function leadgen.find_messages(
  status leadgen.message_status default 'draft', owner_id uuid default null, channel leadgen.message_channel default null,
  first integer default 25, after text default null
) returns leadgen.message_page
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
  -- It is planned for what is asked: conditions on what was left out are gone then. And the tables are everybody's: whatever it costs, only an
  -- index that begins with the tenant may be read.
  set plan_cache_mode = force_custom_plan
  set enable_seqscan = off
  as $$
  declare
    tenant uuid;
    behind text[];
    page leadgen.message_page;
    ids uuid[];
    last app_private.leadgen_message_ranks;
  begin
    perform app_private.require_role('read messages', 'viewer', 'editor', 'admin', 'reporter', 'automation');
    perform app_private.check_page_size(first);
    tenant := app.current_tenant_id();
    behind := app_private.read_cursor(after, 'messages', 'numeric', 'integer', 'leadgen.message_variant', 'uuid');
    select array_agg(r.id order by r.score_rank, r.sequence_step, r.variant, r.id) into ids
    from (
      select r.id, r.score_rank, r.sequence_step, r.variant
      from app_private.leadgen_message_ranks r
      where r.tenant_id = tenant and r.status = find_messages.status
        and (find_messages.owner_id is null or r.owner_id = find_messages.owner_id)
        and (find_messages.channel is null or r.channel = find_messages.channel)
        and (
          behind is null
          or (r.score_rank, r.sequence_step, r.variant, r.id) > (behind[1]::numeric, behind[2]::integer, behind[3]::leadgen.message_variant, behind[4]::uuid)
        )
      -- Comparing enums is not leakproof, so the planner does not take the status for one value, and the order must begin with it.
      order by r.status, r.score_rank, r.sequence_step, r.variant, r.id
      limit find_messages.first + 1
    ) r;
    page.has_next_page := coalesce(cardinality(ids), 0) > first;
    ids := ids[:first];
    page.messages := array(
      select m
      from unnest(ids) with ordinality place (id, number)
      join leadgen.messages m on m.tenant_id = tenant and m.id = place.id
      order by place.number
    );
    select * into last from app_private.leadgen_message_ranks r where r.tenant_id = tenant and r.id = ids[cardinality(ids)];
    if found then
      page.end_cursor := app_private.write_cursor('messages', last.score_rank::text, last.sequence_step::text, last.variant::text, last.id::text);
    end if;
    return page;
  end
  $$;
comment on function leadgen.find_messages(leadgen.message_status, uuid, leadgen.message_channel, integer, text) is
  '@argument status The status; draft unless asked.
@argument ownerId Only in this owner''s name.
@argument channel Only those that are sent this way.
@argument first So many rows: 25 unless asked, 100 at most.
@argument after The endCursor of the page before.
Messages of a status, of one owner or of all, those to the contacts with the highest scores first, then by step and variant. Definer, because neither scores nor statuses use an index under row security; it names the tenant itself.';
grant execute on function leadgen.find_messages(leadgen.message_status, uuid, leadgen.message_channel, integer, text) to :VIEWER, :AUTOMATION;
--! EndIncluded leadgen/find_messages.sql

-- The triggers hold the tables against writes until this is committed: nothing comes between.
insert into app_private.leadgen_message_ranks (id, tenant_id, contact_id, owner_id, status, channel, score_rank, sequence_step, variant)
select m.id, m.tenant_id, m.contact_id, m.owner_id, m.status, m.channel, app.score_rank(c.contact_score), m.sequence_step, m.variant
from leadgen.messages m
join leadgen.contacts c on c.tenant_id = m.tenant_id and c.id = m.contact_id;
