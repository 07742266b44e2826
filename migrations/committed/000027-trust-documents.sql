--! Previous: sha1:913fe1abfc76839ca8d240ff71b300e5b93456b2
--! Hash: sha1:797e8f61fefd7e22e488df26204d98389dc80ef2
--! Message: trust documents

-- In production the API answers documents that it was told of, and no others.
set local lock_timeout = '3s';

create table app_private.trusted_documents (
  document_id text not null,
  operation_names text[] not null,
  document text not null,
  created_at timestamptz not null default now(),
  constraint trusted_documents_pkey primary key (document_id),
  constraint trusted_documents_document_id_check check (document_id ~ '^[A-Za-z0-9_.:-]{1,200}$')
);
alter table app_private.trusted_documents enable row level security;
alter table app_private.trusted_documents force row level security;

--! Included app/trusted_documents.sql
-- What the API answers in production: the documents that frontends were built with, and no others.
drop policy if exists select_owner on app_private.trusted_documents;
create policy select_owner on app_private.trusted_documents for select to :OWNER using (true);
drop policy if exists insert_owner on app_private.trusted_documents;
create policy insert_owner on app_private.trusted_documents for insert to :OWNER with check (true);
drop policy if exists update_owner on app_private.trusted_documents;
create policy update_owner on app_private.trusted_documents for update to :OWNER using (true) with check (true);
drop policy if exists delete_owner on app_private.trusted_documents;
create policy delete_owner on app_private.trusted_documents for delete to :OWNER using (true);

comment on table app_private.trusted_documents is '@class private
GraphQL documents by the id that frontends send instead of them. Written by landfall documents; a document is never changed under its id.';
comment on column app_private.trusted_documents.document_id is 'What a frontend sends as documentId: sha256: and the hash of the text, or what its build tool made.';
comment on column app_private.trusted_documents.operation_names is 'The names of its operations.';
comment on column app_private.trusted_documents.document is 'The text.';
comment on constraint trusted_documents_document_id_check on app_private.trusted_documents is 'The id of a document has 1 to 200 letters, digits and the characters _ . : and -.';

create or replace function app.trusted_document(document_id text) returns text
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
  as $$
    select d.document from app_private.trusted_documents d where d.document_id = trusted_document.document_id
  $$;
comment on function app.trusted_document(text) is
  'The document with this id, or null. Definer: nobody is signed in yet. For the authenticator alone.';
grant execute on function app.trusted_document(text) to :AUTHENTICATOR;
--! EndIncluded app/trusted_documents.sql
