/**
 * Who may do what to which rows: declared here, by kind of table, and tried on every table by every role in matrix.test.ts. A table, a view
 * or a function that is not here fails the suite.
 */
import type { Row } from "./rows.ts";

export type Word =
  | "visitor"
  | "viewer"
  | "editor"
  | "admin"
  | "client"
  | "operator"
  | "worker"
  | "reporter"
  | "automation"
  | "authenticator"
  | "owner";

/** Whom a session is confirmed to be. */
export interface Asker {
  tenantId: string | null;
  userId: string | null;
  /** The clients that a reviewer belongs to. */
  clientIds: readonly string[];
  /** Rows of this tenant in a table. */
  rowsOf(table: string): readonly Row[];
}

/** Whether somebody reaches a row of their tenant. */
export type Which = (row: Row, asker: Asker) => boolean;

/** What one role may do with the rows of its own tenant. */
export interface Rights {
  /** With those of every tenant. */
  beyondTenants?: true;
  select?: Which;
  /** The columns that an insert may name, "*" for all. */
  insert?: string;
  /** The columns that may be set, "*" for all, and in which rows. */
  update?: readonly [columns: string, which: Which];
  delete?: Which;
}

export interface Expectation {
  /** The kind of table, for people. */
  kind: string;
  rights: Partial<Record<Word, Rights>>;
  /** A trigger refuses every change before a row is looked for. */
  isAppendOnly?: true;
}

/** Each has what these have, too. */
export const inherits: Partial<Record<Word, Word>> = { editor: "viewer", admin: "editor", reporter: "viewer" };

// Which rows.
const every: Which = () => true;
const never: Which = () => false;
const own: Which = (row, { userId }) => row.user_id === userId;
const written: Which = (row, { userId }) => row.author_id === userId;
const ofClient: Which = (row, { clientIds }) => clientIds.includes(row.client_id as string);
const shown: Which = (row, asker) => ofClient(row, asker) && row.is_visible_to_client === true;
const inShownThread: Which = (row, asker) =>
  asker
    .rowsOf("journeys.comment_threads")
    .some((thread) => thread.id === row.comment_thread_id && shown(thread, asker));

const everything: Rights = { select: every, insert: "*", update: ["*", every], delete: every };
/** The owner passes no policy over: it has policies of its own, to every row of every tenant. */
const owner: Rights = { ...everything, beyondTenants: true };
const readAll: Rights = { select: every, beyondTenants: true };

// Kinds of tables.

/** People of the tenant read them, editors write them by column, the worker imports them. */
function edited(columns: { insert: string; update: string }, { deletedBy = "editor" as Word } = {}): Expectation {
  const rights: Expectation["rights"] = {
    viewer: { select: every },
    editor: { insert: columns.insert, update: [columns.update, every] },
    worker: everything,
    owner,
  };
  rights[deletedBy] = { ...rights[deletedBy], delete: every };
  return { kind: "edited", rights };
}

/** Written by deeds alone, and by imports. What a client's reviewer sees of it is said for each. */
function writtenByDeeds(client?: Which): Expectation {
  return {
    kind: "written by deeds",
    rights: {
      viewer: { select: every },
      ...(client ? { client: { select: client } } : {}),
      worker: everything,
      owner,
    },
  };
}

/** What the worker keeps of its own work; people read it. */
function ledger(verbs: ("insert" | "update" | "delete")[]): Expectation {
  const worker: Rights = { select: every };
  if (verbs.includes("insert")) worker.insert = "*";
  if (verbs.includes("update")) worker.update = ["*", every];
  if (verbs.includes("delete")) worker.delete = every;
  return { kind: "ledger", rights: { viewer: { select: every }, worker, owner } };
}

/** The same for everybody, changed by migrations. */
const reference: Expectation = {
  kind: "reference",
  rights: {
    visitor: readAll,
    viewer: readAll,
    client: readAll,
    operator: readAll,
    worker: readAll,
    reporter: readAll,
    automation: readAll,
    authenticator: readAll,
    owner,
  },
};

/** Reached by definers alone. */
const secret: Expectation = { kind: "secret", rights: { owner } };

/** Where the worker's login lands payloads by COPY, which knows no row security; nobody else has any right here. */
function landing(worker: Rights): Expectation {
  return { kind: "landing", rights: { worker: { ...readAll, ...worker }, owner } };
}

/** graphile-worker's own tables, which know no tenants. */
const queue: Expectation = { kind: "queue", rights: { worker: owner, owner } };

export const tables: Record<string, Expectation> = {
  // tenancy
  "tenancy.tenants": {
    kind: "global",
    rights: {
      viewer: { select: every },
      client: { select: every },
      admin: { update: ["domain name settings version", every] },
      operator: readAll,
      worker: { select: every },
      owner,
    },
  },
  "tenancy.users": {
    kind: "global",
    rights: {
      viewer: { select: isMember, update: ["name version", isSelf] },
      client: { select: isSelf, update: ["name version", isSelf] },
      worker: { select: isMember },
      owner,
    },
  },
  "tenancy.memberships": {
    kind: "people",
    rights: {
      viewer: { select: every },
      client: { select: own },
      admin: { insert: "role user_id", update: ["role version", every], delete: every },
      worker: { select: every },
      owner,
    },
  },
  "tenancy.client_users": {
    kind: "people",
    rights: {
      viewer: { select: every },
      client: { select: own },
      admin: { insert: "client_id user_id", delete: every },
      worker: { select: every },
      owner,
    },
  },
  "tenancy.sessions": {
    kind: "people",
    rights: { viewer: { select: own }, client: { select: own }, owner },
  },
  "tenancy.sql_logins": { kind: "people", rights: { admin: { select: every }, owner } },

  // journeys
  "journeys.clients": edited(
    {
      insert: "config ghl_location_id industry name settings slug status website",
      update: "config ghl_location_id industry name settings slug status version website",
    },
    { deletedBy: "admin" },
  ),
  "journeys.pipelines": edited({
    insert: "client_id ghl_pipeline_id is_default name stages",
    update: "ghl_pipeline_id is_default name stages version",
  }),
  "journeys.journeys": edited({
    insert: "category client_id description goal metadata name pipeline_id slug trigger_config",
    update: "category description goal metadata name pipeline_id slug trigger_config version",
  }),
  "journeys.touchpoints": edited({
    insert: "config content day_offset journey_id name next_touchpoint_id order_index position type",
    update: "config content day_offset name next_touchpoint_id order_index position type version",
  }),
  "journeys.templates": edited({
    insert: "client_id content name status touchpoint_id type variables",
    update: "client_id content name status touchpoint_id type variables version",
  }),
  "journeys.workflows": edited({
    insert: "actions client_id ghl_workflow_id name notes status trigger",
    update: "actions ghl_workflow_id name notes status trigger version",
  }),
  "journeys.workflow_actions": edited({
    insert: "action_type config delay_minutes order_index template_id workflow_id",
    update: "action_type config delay_minutes order_index template_id version",
  }),
  "journeys.touchpoint_versions": writtenByDeeds(),
  "journeys.sync_history": writtenByDeeds(),
  "journeys.journey_versions": writtenByDeeds((row, asker) => ofClient(row, asker) && row.submitted_at !== null),
  "journeys.approvals": writtenByDeeds((row, asker) => ofClient(row, asker) && row.journey_version_id !== null),
  "journeys.comment_threads": {
    kind: "conversation",
    rights: {
      ...writtenByDeeds(shown).rights,
      editor: { update: ["is_visible_to_client position version", every], delete: every },
    },
  },
  "journeys.comments": {
    kind: "conversation",
    rights: {
      viewer: { select: every },
      client: {
        select: inShownThread,
        // What is hidden meanwhile is not theirs to change any more: an update reads what it changes.
        update: ["body version", (row, asker) => written(row, asker) && inShownThread(row, asker)],
        delete: (row, asker) => written(row, asker) && inShownThread(row, asker),
      },
      editor: { update: ["body version", written], delete: written },
      worker: everything,
      owner,
    },
  },
  "journeys.change_requests": {
    kind: "conversation",
    rights: {
      ...writtenByDeeds(ofClient).rights,
      editor: { update: ["description priority title version", every] },
    },
  },

  // imports
  "imports.sources": ledger(["insert"]),
  "imports.batches": ledger(["insert", "update"]),
  "imports.collections": ledger(["insert", "update"]),
  "imports.fields": ledger(["insert", "update"]),
  "imports.records": ledger(["insert", "delete"]),
  "imports.effects": ledger(["insert", "update"]),
  "imports.issues": ledger(["insert", "update"]),
  "imports.checks": ledger(["insert", "delete"]),
  "imports.api_calls": ledger(["insert"]),
  "imports.attachments": ledger(["insert"]),
  "imports.undoings": ledger(["insert", "update"]),
  "imports.fixes": ledger(["update"]),

  // publishing
  "publishing.locations": ledger(["insert", "update"]),
  "publishing.publications": ledger(["insert", "update"]),
  "publishing.publication_items": ledger(["insert", "update"]),
  "publishing.remote_objects": ledger(["insert", "update"]),

  // audit
  "audit.changes": {
    kind: "audit",
    rights: {
      viewer: { select: (row) => row.table_name !== "tenancy.sessions" },
      admin: { select: every },
      owner: { ...readAll, insert: "*", update: ["*", never], delete: never },
    },
    isAppendOnly: true,
  },

  // what nobody's role reaches, or the worker's alone
  "app.errors": reference,
  "app.transitions": reference,
  "app_private.passwords": secret,
  "app_private.sign_in_failures": secret,
  "app_private.installations": secret,
  "app_private.location_secrets": secret,
  "app_private.worker_heartbeats": secret,
  "app_private.source_budgets": secret,
  "app_private.import_payloads": landing({
    insert: "*",
    update: ["fixed_text holds_refused_text refusal rows", every],
  }),
  "app_private.import_places": landing({ insert: "*", delete: every }),
  "app_private.import_before_images": landing({ insert: "*" }),
  "app_private.import_leases": landing(everything),
  "graphile_worker._private_jobs": queue,
  "graphile_worker._private_job_queues": queue,
  "graphile_worker._private_tasks": queue,
  "graphile_worker._private_known_crontabs": queue,
};

function isSelf(row: Row, { userId }: Asker): boolean {
  return row.id === userId;
}

function isMember(row: Row, { rowsOf }: Asker): boolean {
  return rowsOf("tenancy.memberships").some(({ user_id }) => user_id === row.id);
}

/** Parts of a table are reached through it, and by nobody directly; what waits in the default one is moved on by the owner. */
export function partition(name: string): Expectation {
  const moves: Rights = name.endsWith("_default") ? { delete: every } : { delete: never };
  return {
    kind: "partition",
    rights: { owner: { ...readAll, insert: "*", update: ["*", never], ...moves } },
    isAppendOnly: true,
  };
}

/** View to the roles that may read it: what they find there is what the tables below show them. */
export const views: Record<string, string> = {
  "imports.crosswalk": "viewer worker",
  "reporting.changes_since_publication": "viewer",
  "reporting.import_issues": "viewer",
  "reporting.import_outcomes": "viewer",
  "reporting.import_progress": "viewer",
  "reporting.journey_statuses": "viewer",
  "reporting.lead_times": "viewer",
  "reporting.template_uses": "viewer",
  "reporting.waiting_approvals": "viewer",
};

const anybody = "visitor viewer client operator worker reporter automation authenticator";

/** Function to the roles that may call it. Those that are not here are for the owner's definers and triggers alone. */
export const functions: Record<string, string> = {
  "app.allowed_transitions(text,text)": "viewer client operator worker reporter automation",
  "app.authorize_session(uuid,uuid,uuid)": "authenticator",
  "app.beat(text,text)": "worker",
  "app.change_password(bytea,bytea,jsonb,bytea)": "viewer client",
  "app.current_app_role()": anybody,
  "app.current_client_ids()": "viewer client worker",
  "app.current_import_batch_id()": anybody,
  "app.current_memberships()": "viewer client",
  "app.current_session_id()": anybody,
  "app.current_tenant_id()": anybody,
  "app.current_user_id()": anybody,
  "app.end_beats(text)": "worker",
  "app.password_parameters(text,bytea,jsonb)": "authenticator",
  "app.searchable_text(text,jsonb)": "editor worker",
  "app.set_location_token(uuid,text)": "admin",
  "app.sign_in(text,bytea,text,interval,text,inet)": "authenticator",
  "app.sign_out(boolean)": "viewer client",
  "app.sweep_workers(interval)": "worker",
  "app.switch_tenant(text,text,inet)": "viewer client",
  "app.uuidv5(uuid,text)": anybody,
  "app.uuidv7()": anybody,
  "app_private.analyze_imports(uuid)": "worker",
  "app_private.end_source_turn(text,timestamp with time zone)": "worker",
  "app_private.freeze_source(text,interval)": "worker",
  "app_private.import_dependants(uuid,text,uuid[],uuid[])": "worker",
  "app_private.make_import_partition(uuid)": "worker",
  "app_private.plan_import_rollback(uuid)": "worker",
  "app_private.readable_json(text)": "worker",
  "app_private.recorded_changes(text,uuid)": "worker",
  "app_private.requeue_import_batches(interval)": "worker",
  "app_private.slugify(text)": "worker",
  "app_private.take_source_turn(text,integer,interval)": "worker",
  "audit.make_partitions(integer)": "worker",
  "imports.cancel_import_batch(uuid)": "admin worker",
  "imports.fix_import_issue(uuid,jsonb,text)": "admin worker",
  "imports.pause_import_batch(uuid)": "admin worker",
  "imports.preview_import_rollback(uuid)": "admin worker",
  "imports.records_source_text(imports.records)": "viewer worker",
  "imports.replay_import_batch(uuid)": "admin worker",
  "imports.resume_import_batch(uuid)": "admin worker",
  "imports.rollback_import_batch(uuid)": "admin worker",
  "journeys.add_comment(uuid,text)": "client editor",
  "journeys.approvals_allowed_transitions(journeys.approvals)": "viewer client",
  "journeys.archive_journey(uuid,integer)": "editor",
  "journeys.change_requests_allowed_transitions(journeys.change_requests)": "viewer client",
  "journeys.clients_health(journeys.clients)": "viewer",
  "journeys.clients_journey_counts(journeys.clients)": "viewer",
  "journeys.clients_touchpoint_counts(journeys.clients)": "viewer",
  "journeys.create_change_request(uuid,journeys.change_request_type,text,text,journeys.change_request_priority,uuid,uuid)":
    "client editor",
  "journeys.diff_journey_versions(uuid,uuid)": "viewer client",
  "journeys.duplicate_journey(uuid,text,uuid)": "editor",
  "journeys.journeys_allowed_transitions(journeys.journeys)": "viewer",
  "journeys.journeys_has_unsubmitted_changes(journeys.journeys)": "viewer",
  "journeys.journeys_touchpoint_counts(journeys.journeys)": "viewer",
  "journeys.move_change_request(uuid,journeys.change_request_status,text,integer)": "client editor",
  "journeys.publish_journey(uuid,integer)": "admin",
  "journeys.reopen_comment_thread(uuid)": "client editor",
  "journeys.reorder_touchpoints(uuid,uuid[],integer)": "editor",
  "journeys.resolve_comment_thread(uuid)": "client editor",
  "journeys.restore_journey(uuid,integer)": "editor",
  "journeys.restore_journey_version(uuid,integer)": "editor",
  "journeys.review_journey(uuid,journeys.review_decision,text)": "client admin",
  "journeys.save_journey_version(uuid,text,integer)": "editor",
  "journeys.search_touchpoints(text,uuid,integer)": "viewer",
  "journeys.start_comment_thread(uuid,text,uuid,uuid,jsonb,boolean)": "client editor",
  "journeys.submit_journey(uuid,text,integer)": "editor",
  "journeys.withdraw_journey(uuid,integer)": "editor",
  "publishing.installation_id()": "worker",
  "publishing.location_token(uuid)": "worker",
  "publishing.resume_publications(interval)": "worker",
  "publishing.retry_publication(uuid)": "admin",
  "tenancy.create_tenant(text,text,text)": "operator",
};

/** Functions that look beyond the tenant of whoever calls them, and why they may. */
export const functionsBeyondTenants: Record<string, string> = {
  "app.authorize_session(uuid,uuid,uuid)": "asks for whoever shows a token; for the API's login alone",
  "app.password_parameters(text,bytea,jsonb)": "asks before anybody is signed in; for the API's login alone",
  "app.sign_in(text,bytea,text,interval,text,inet)": "signs in to any tenant; for the API's login alone",
  "app_private.requeue_import_batches(interval)":
    "finds batches whose worker died, whosever they are; for the worker alone",
  "publishing.resume_publications(interval)":
    "finds publications whose worker died, whosever they are; for the worker alone",
};

/** Whether a role is among these, or inherits one that is. */
export function isAmong(words: string, word: Word): boolean {
  const above = inherits[word];
  return words.split(" ").includes(word) || (above !== undefined && isAmong(words, above));
}
