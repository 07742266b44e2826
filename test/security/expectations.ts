/**
 * Who may do what to which rows: declared here, by kind of table, and tried on every table by every role in matrix.test.ts. A table, a view
 * or a function that is not here fails the suite, which says what to write as the grants stand. Write it only once it is what you meant:
 *
 * - a table goes into `tables`, by one of the kinds below, or with its rights role by role; a role has what it inherits besides;
 * - `every`, `own` and their like say which rows of the tenant; a condition of a policy is written here again, in TypeScript;
 * - a view goes into `views`, a function with the types of its arguments into `functions`, each with the roles that its grants name;
 * - a column of a type, or a check, for which no row can be made is taught to rows.ts; the error names it.
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
  /** Which rows are reached hangs on the person, whether or not they are of a tenant now. */
  isPersonal?: true;
}

/** Each has what these have, too. */
export const inherits: Partial<Record<Word, Word>> = { editor: "viewer", admin: "editor", reporter: "viewer" };

// Which rows.
const every: Which = () => true;
const never: Which = () => false;
const own: Which = (row, { userId }) => row.user_id === userId;
const unmerged: Which = (row) => row.merged_into_id === null;
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

/** The owner writes what happened, and changes none of it. */
const writtenOnce: Rights = { ...readAll, insert: "*", update: ["*", never], delete: never };

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

/** Leads: people and automations of the tenant read them and write them by column, the worker imports them. */
function lead(rights: Partial<Record<"editor" | "admin" | "automation", Rights>>, which = every): Expectation {
  return {
    kind: "lead",
    rights: {
      viewer: { select: which },
      ...rights,
      automation: { select: which, ...rights.automation },
      worker: everything,
      owner,
    },
  };
}

/** What deeds write of leads; people and automations read it. */
const claimed: Expectation = {
  kind: "lead, written by deeds",
  rights: { viewer: { select: every }, automation: { select: every }, owner },
};

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
    isPersonal: true,
    rights: {
      viewer: { select: isMemberOrSelf, update: ["muted_notifications name version", isSelf] },
      client: { select: isSelf, update: ["muted_notifications name version", isSelf] },
      operator: { select: isSelf, update: ["muted_notifications name version", isSelf] },
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
  "tenancy.api_keys": { kind: "people", rights: { admin: { select: every }, owner } },
  "tenancy.operators": secret,
  "tenancy.operator_sessions": secret,

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

  "journeys.review_links": { kind: "written by deeds", rights: { editor: { select: every }, owner } },

  // leadgen
  "leadgen.claims": claimed,
  "leadgen.duplicate_decisions": claimed,
  "leadgen.labels": {
    kind: "reference",
    rights: { viewer: readAll, automation: readAll, worker: readAll, owner },
  },
  "leadgen.activities": lead({
    editor: {
      insert: `
        batch_id contact_id detail external_id name occurred_at owner_id payload source type
      `,
      update: [
        `
        batch_id contact_id detail is_processed name occurred_at owner_id source type version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        batch_id contact_id cost_usd detail external_id name occurred_at owner_id payload source type
      `,
      update: ["contact_id cost_usd is_processed version", every],
    },
  }),
  "leadgen.batches": lead({
    editor: {
      insert: "description is_active name owner_id",
      update: ["description is_active name owner_id version", every],
    },
    admin: { delete: every },
    automation: { insert: "description name owner_id" },
  }),
  "leadgen.campaigns": lead({
    editor: {
      insert: "batch_id channel is_active lemlist_campaign_id name owner_id",
      update: ["batch_id channel is_active lemlist_campaign_id name owner_id version", every],
    },
    admin: { delete: every },
  }),
  "leadgen.companies": lead(
    {
      editor: {
        insert: `
        ai_adoption batch_id batch_number business_model business_type buying_stage cohort company_size
        crm_status domain engagement_status geo_region hq_city hq_country industry industry_category name
        news_confidence notes owner_id ownership_type pre_score research_confidence revenue_range summary tier
        triage_notes triage_score verified_employees verified_revenue_eur_m
      `,
        update: [
          `
        ai_adoption batch_id batch_number business_model business_type buying_stage cohort company_size
        crm_status domain engagement_status geo_region hq_city hq_country industry industry_category name
        news_confidence notes owner_id ownership_type pre_score research_confidence revenue_range summary tier
        triage_notes triage_score verified_employees verified_revenue_eur_m version
      `,
          unmerged,
        ],
      },
      admin: { delete: unmerged },
      automation: {
        insert: `
        ai_adoption batch_id batch_number business_model business_type buying_stage cohort company_size
        crm_status domain engagement_status geo_region hq_city hq_country industry industry_category name
        news_confidence notes owner_id ownership_type pre_score research_confidence revenue_range summary tier
        triage_notes triage_score verified_employees verified_revenue_eur_m
      `,
        update: [
          `
        ai_adoption batch_number business_model business_type buying_stage cohort company_size crm_status domain
        engagement_status enrichment_cost_usd error_message geo_region hq_city hq_country industry
        industry_category is_synced_to_lemlist news_confidence ownership_type pre_score research_confidence
        revenue_range summary tier triage_notes triage_score verified_employees verified_revenue_eur_m version
      `,
          unmerged,
        ],
      },
    },
    unmerged,
  ),
  "leadgen.company_enrichment_l2": lead({
    editor: {
      insert: `
        adoption_barriers ai_hiring ai_opportunities certifications company_id company_intel competitor_ai_moves
        competitors cross_functional_pain customer_segments digital_initiatives eu_grants funding_history
        hiring_signals industry_pain_points key_products leadership_changes leadership_team pain_hypothesis
        quick_wins recent_news relevant_case_study tech_partnerships tech_stack
      `,
      update: [
        `
        adoption_barriers ai_hiring ai_opportunities certifications company_intel competitor_ai_moves
        competitors cross_functional_pain customer_segments digital_initiatives eu_grants funding_history
        hiring_signals industry_pain_points key_products leadership_changes leadership_team pain_hypothesis
        quick_wins recent_news relevant_case_study tech_partnerships tech_stack version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        adoption_barriers ai_hiring ai_opportunities certifications company_id company_intel competitor_ai_moves
        competitors cross_functional_pain customer_segments digital_initiatives enriched_at enrichment_cost_usd
        eu_grants funding_history hiring_signals industry_pain_points key_products leadership_changes
        leadership_team pain_hypothesis quick_wins recent_news relevant_case_study tech_partnerships tech_stack
      `,
      update: [
        `
        adoption_barriers ai_hiring ai_opportunities certifications company_intel competitor_ai_moves
        competitors cross_functional_pain customer_segments digital_initiatives enriched_at enrichment_cost_usd
        eu_grants funding_history hiring_signals industry_pain_points key_products leadership_changes
        leadership_team pain_hypothesis quick_wins recent_news relevant_case_study tech_partnerships tech_stack
        version
      `,
        every,
      ],
    },
  }),
  "leadgen.company_tags": lead({
    editor: { insert: "category company_id value", delete: every },
    automation: { insert: "category company_id value", delete: every },
  }),
  "leadgen.contact_batches": lead({
    editor: { insert: "batch_id contact_id", delete: every },
    automation: { insert: "batch_id contact_id", delete: every },
  }),
  "leadgen.contact_enrichment": lead({
    editor: {
      insert: `
        contact_id linkedin_profile_summary person_summary relationship_synthesis
      `,
      update: [
        `
        linkedin_profile_summary person_summary relationship_synthesis version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        contact_id enriched_at enrichment_cost_usd linkedin_profile_summary person_summary
        relationship_synthesis
      `,
      update: [
        `
        enriched_at enrichment_cost_usd linkedin_profile_summary person_summary relationship_synthesis version
      `,
        every,
      ],
    },
  }),
  "leadgen.contacts": lead(
    {
      editor: {
        insert: `
        ai_champion_score authority_score company_id contact_score contact_source department email full_name
        icp_fit is_ai_champion job_title language linkedin_url location_city location_country notes owner_id
        phone_number profile_photo_url relationship_status seniority_level
      `,
        update: [
          `
        ai_champion_score authority_score company_id contact_score contact_source department email full_name
        icp_fit is_ai_champion job_title language linkedin_url location_city location_country notes owner_id
        phone_number profile_photo_url relationship_status seniority_level version
      `,
          unmerged,
        ],
      },
      admin: { delete: unmerged },
      automation: {
        insert: `
        ai_champion_score authority_score company_id contact_score contact_source department email full_name
        icp_fit is_ai_champion job_title language linkedin_url location_city location_country notes owner_id
        phone_number profile_photo_url relationship_status seniority_level
      `,
        update: [
          `
        ai_champion_score authority_score contact_score contact_source department duplicity_detail email
        enrichment_cost_usd error_message has_duplicity_conflict icp_fit is_ai_champion is_duplicity_checked
        is_email_looked_up is_enriched job_title language linkedin_url location_city location_country
        phone_number profile_photo_url relationship_status seniority_level version
      `,
          unmerged,
        ],
      },
    },
    unmerged,
  ),
  "leadgen.crm_event_participants": lead({
    editor: { insert: "contact_id crm_event_id", delete: every },
    automation: { insert: "contact_id crm_event_id", delete: every },
  }),
  "leadgen.crm_events": lead({
    editor: {
      insert: `
        company_id company_name created_by creator_id event_at name next_steps outcome summary type
      `,
      update: [
        `
        company_id company_name created_by creator_id event_at name next_steps outcome summary type version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        company_id company_name created_by creator_id event_at name next_steps outcome summary type
      `,
    },
  }),
  "leadgen.history": lead({}),
  "leadgen.messages": lead({
    editor: {
      insert: `
        batch_id body campaign_id channel contact_id label language owner_id sequence_step subject tone variant
      `,
      update: [
        `
        batch_id body campaign_id channel label language owner_id sequence_step subject tone variant version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        batch_id body campaign_id channel contact_id generation_cost_usd label language owner_id sequence_step
        subject tone variant
      `,
      update: [
        `
        body campaign_id generation_cost_usd label language subject tone version
      `,
        every,
      ],
    },
  }),
  "leadgen.owners": lead({
    admin: {
      insert: `
        default_language default_tone email is_active is_lemlist_configured lemlist_default_campaign
        linkedin_url name signature_block user_id
      `,
      update: [
        `
        default_language default_tone email is_active is_lemlist_configured lemlist_default_campaign
        linkedin_url name signature_block user_id version
      `,
        every,
      ],
      delete: every,
    },
  }),
  "leadgen.pipeline_runs": lead({
    admin: { delete: every },
    automation: {
      insert: `
        batch_id config execution_id l1_total l2_total owner_id person_total total_companies total_contacts
      `,
      update: [
        `
        config cost_usd error_message l1_done l1_total l2_done l2_total person_done person_total total_companies
        total_contacts version
      `,
        every,
      ],
    },
  }),
  "leadgen.research_assets": lead({
    editor: {
      insert: `
        company_id confidence_score contact_id cost_usd name quality_score research_data researched_at
        tool_config tool_name
      `,
      update: [
        `
        confidence_score cost_usd name quality_score research_data researched_at tool_config tool_name version
      `,
        every,
      ],
    },
    admin: { delete: every },
    automation: {
      insert: `
        company_id confidence_score contact_id cost_usd name quality_score research_data researched_at
        tool_config tool_name
      `,
    },
  }),
  "leadgen.task_activities": lead({
    editor: { insert: "activity_id task_id", delete: every },
    automation: { insert: "activity_id task_id", delete: every },
  }),
  "leadgen.task_contacts": lead({
    editor: { insert: "contact_id task_id", delete: every },
    automation: { insert: "contact_id task_id", delete: every },
  }),
  "leadgen.tasks": lead({
    editor: {
      insert: `
        calendar_id completed_date completion_detail detail name owner_id owner_name scheduled_date
      `,
      update: [
        `
        calendar_id completed_date completion_detail detail name owner_id owner_name scheduled_date version
      `,
        every,
      ],
      delete: every,
    },
    automation: {
      insert: `
        calendar_id completed_date completion_detail detail name owner_id owner_name scheduled_date
      `,
    },
  }),

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
  "imports.predictions": ledger(["insert", "update", "delete"]),
  "imports.plans": ledger(["insert", "update"]),
  "imports.merges": ledger([]),
  "imports.cutovers": ledger(["update"]),
  "imports.cutover_passes": ledger(["insert", "update"]),
  "imports.cutover_checks": ledger(["update"]),
  "imports.cutover_edits": ledger(["insert"]),

  // publishing
  "publishing.locations": ledger(["insert", "update"]),
  "publishing.publications": ledger(["insert", "update"]),
  "publishing.publication_items": ledger(["insert", "update"]),
  "publishing.remote_objects": ledger(["insert", "update"]),
  "publishing.api_calls": ledger(["insert"]),
  "publishing.reconciliations": ledger(["insert", "update"]),
  "publishing.remote_findings": ledger(["insert", "update"]),
  "publishing.handoff_steps": ledger(["insert", "update"]),
  "publishing.handoff_ticks": ledger(["delete"]),

  // audit
  "audit.changes": {
    kind: "audit",
    rights: {
      viewer: { select: (row) => row.table_name !== "tenancy.sessions" },
      admin: { select: every },
      owner: writtenOnce,
    },
    isAppendOnly: true,
  },

  // what nobody's role reaches, or the worker's alone
  "app.errors": reference,
  "app.transitions": reference,
  "app_private.passwords": secret,
  "app_private.password_resets": secret,
  "app_private.api_key_hashes": secret,
  "app_private.review_link_hashes": secret,
  "app_private.erased_rows": secret,
  "app_private.idempotency_keys": secret,
  "app_private.mails": secret,
  "app_private.leadgen_batch_contacts": secret,
  "app_private.leadgen_counts": secret,
  "app_private.leadgen_message_ranks": secret,
  "app_private.webhook_events": secret,
  "app_private.sign_in_failures": secret,
  "app_private.installations": secret,
  "app_private.location_secrets": secret,
  "app_private.worker_heartbeats": secret,
  "app_private.tenant_deletions": secret,
  "app_private.source_budgets": secret,
  "app_private.import_payloads": landing({
    insert: "*",
    update: ["fates_id fixed_text holds_refused_text is_carried refusal rows", every],
  }),
  "app_private.import_fates": landing({ insert: "*" }),
  "app_private.import_places": landing({ insert: "*", delete: every }),
  "app_private.import_before_images": landing({ insert: "*" }),
  "app_private.import_leases": landing(everything),
  "app_private.import_gone_rows": landing(everything),
  "app_private.import_predicted_records": landing({ insert: "*", delete: every }),
  "app_private.allowances": secret,
  "app_private.call_budgets": secret,
  "app_private.trusted_documents": secret,
  "audit.operator_deeds": { kind: "audit", rights: { owner: writtenOnce }, isAppendOnly: true },
  "graphile_worker._private_jobs": queue,
  "graphile_worker._private_job_queues": queue,
  "graphile_worker._private_tasks": queue,
  "graphile_worker._private_known_crontabs": queue,
};

function isSelf(row: Row, { userId }: Asker): boolean {
  return row.id === userId;
}

/** Also where they are of no tenant yet, having a password that somebody else made. */
function isMemberOrSelf(row: Row, asker: Asker): boolean {
  return isMember(row, asker) || isSelf(row, asker);
}

function isMember(row: Row, { rowsOf }: Asker): boolean {
  return rowsOf("tenancy.memberships").some(({ user_id }) => user_id === row.id);
}

/** Parts of a table are reached through it, and by nobody directly; what waits in the default one is moved on by the owner. */
export function partition(name: string): Expectation {
  const moves: Rights = name.endsWith("_default") ? { delete: every } : {};
  return {
    kind: "partition",
    rights: { owner: { ...writtenOnce, ...moves } },
    isAppendOnly: true,
  };
}

/** View to the roles that may read it: what they find there is what the tables below show them. */
export const views: Record<string, string> = {
  "imports.crosswalk": "viewer worker",
  "leadgen.claimed_companies": "automation",
  "leadgen.claimed_contacts": "automation",
  "leadgen.duplicate_candidates": "automation viewer",
  "reporting.batch_funnels": "viewer",
  "reporting.changes_since_publication": "viewer",
  "reporting.cutover_edits": "viewer",
  "reporting.cutovers": "viewer",
  "reporting.duplicates": "viewer",
  "reporting.import_issues": "viewer",
  "reporting.import_outcomes": "viewer",
  "reporting.import_progress": "viewer",
  "reporting.journey_statuses": "viewer",
  "reporting.lead_times": "viewer",
  "reporting.publication_status": "viewer",
  "reporting.qualified_lead_costs": "viewer",
  "reporting.reply_rates": "viewer",
  "reporting.stale_contacts": "viewer",
  "reporting.sync_health": "viewer",
  "reporting.template_uses": "viewer",
  "reporting.waiting_approvals": "viewer",
};

/** Views in which no tenant's words stand, so that a foreign row would not be told by its text; and where it is tried what they count. */
export const viewsOfNumbers: Record<string, string> = {
  "reporting.reply_rates": "test/database/reporting/leadgen.test.ts",
};

const anybody = "visitor viewer client operator worker reporter automation authenticator";

/** Function to the roles that may call it. Those that are not here are for the owner's definers and triggers alone. */
export const functions: Record<string, string> = {
  "app.allowed_transitions(text,text)": "viewer client operator worker reporter automation",
  "app.authorize_session(uuid,uuid,uuid)": "authenticator",
  "app.beat(text,text)": "worker",
  "app.change_password(bytea,bytea,jsonb,bytea)": "client operator viewer",
  "app.claim_key(text,bytea)": "client viewer",
  "app.create_api_key(text,tenancy.membership_role,timestamp with time zone,bytea,text)": "admin",
  "app.create_review_link(uuid,text,text,timestamp with time zone,bytea)": "editor",
  "app.create_tenant(text,text,text,text,text,bytea,jsonb,bytea)": "operator",
  "app.current_app_role()": anybody,
  "app.current_client_ids()": "viewer client worker",
  "app.current_import_batch_id()": anybody,
  "app.current_memberships()": "viewer client",
  "app.current_session_id()": anybody,
  "app.current_tenant_id()": anybody,
  "app.current_user_id()": anybody,
  "app.end_beats(text)": "worker",
  "app.explain_refusal(uuid,uuid,uuid)": "authenticator",
  "app.fenced_json(text)": "automation viewer worker",
  "app.find_api_key(bytea)": "authenticator",
  "app.find_review_link(bytea)": "authenticator",
  "app.has_sample_people()": "authenticator worker",
  "app.keep_answer(text,bytea,text)": "client viewer",
  "app.keep_results(text,jsonb)": "client viewer",
  "app.kept_answer(text,bytea)": "client viewer",
  "app.normalized_domain(text)": "automation editor worker",
  "app.normalized_email(text)": "automation editor worker",
  "app.normalized_linkedin_url(text)": "automation editor worker",
  "app.normalized_name(text)": "automation viewer",
  "app.password_parameters(text,bytea,jsonb)": "authenticator",
  "app.rederive_password(text,bytea,bytea,jsonb,bytea)": "authenticator",
  "app.plan_source(uuid)": "client viewer worker",
  "app.read_health()": "authenticator",
  "app.read_metrics()": "authenticator",
  "app.receive_webhook(text,text,text)": "authenticator",
  "app.request_password_reset(text,bytea,text,text)": "authenticator",
  "app.reset_password(bytea,bytea,jsonb,bytea)": "authenticator",
  "app.score_rank(numeric)": "automation editor worker",
  "app.searchable_company(text,text)": "automation editor worker",
  "app.searchable_contact(text,text,text)": "automation editor worker",
  "app.searchable_text(text,jsonb)": "editor worker",
  "app.set_location_token(uuid,text,publishing.auth_kind)": "admin",
  "app.sign_in(text,bytea,text,interval,text,inet)": "authenticator",
  "app.sign_in_external(text,text,interval,text,inet)": "authenticator",
  "app.sign_in_operator(text,bytea,interval,text,inet)": "authenticator",
  "app.sign_out(boolean)": "client operator viewer",
  "app.spend_allowances(text[],integer[],integer[])": "authenticator",
  "app.sweep_workers(interval)": "worker",
  "app.switch_tenant(text,text,inet)": "viewer client",
  "app.trusted_document(text)": "authenticator",
  "app.uuidv5(uuid,text)": anybody,
  "app.uuidv7()": anybody,
  "app_private.analyze_imports(uuid)": "worker",
  "app_private.begin_token_refresh(uuid,text,interval)": "worker",
  "app_private.claim_mails(integer)": "worker",
  "app_private.compact_leadgen_counts()": "worker",
  "app_private.delete_imported_rows(uuid,text,uuid[])": "worker",
  "app_private.end_source_turn(text,timestamp with time zone)": "worker",
  "app_private.end_token_refresh(uuid,text,text)": "worker",
  "app_private.freeze_source(text,interval)": "worker",
  "app_private.handle_webhook(text)": "worker",
  "app_private.import_dependants(uuid,text,uuid[],uuid[])": "worker",
  "app_private.make_import_partition(uuid)": "worker",
  "app_private.plan_import_rollback(uuid)": "worker",
  "app_private.publications_wait()": "worker",
  "app_private.queue_reconciliations()": "worker",
  "app_private.readable_json(text)": "worker",
  "app_private.record_call(uuid,text,jsonb,jsonb)": "worker",
  "app_private.recorded_changes(text,uuid)": "worker",
  "app_private.forget_import_calls(interval,integer)": "worker",
  "app_private.erased_row_ids()": "worker",
  "app_private.forget_import_payloads(interval)": "worker",
  "app_private.forget_publishing_calls(interval,integer)": "worker",
  "app_private.merge_imported_rows(uuid,text,uuid,uuid)": "worker",
  "app_private.requeue_import_batches(interval)": "worker",
  "app_private.restore_deleted_rows(uuid,text,uuid[])": "worker",
  "app_private.resume_reconciliations(interval)": "worker",
  "app_private.settle_mail(uuid,text)": "worker",
  "app_private.slugify(text)": "worker",
  "app_private.suspended_backends()": "worker",
  "app_private.take_call(uuid,text,integer)": "worker",
  "app_private.take_source_turn(text,integer,interval)": "worker",
  "app_private.waiting_publications(integer)": "worker",
  "audit.forget_changes(interval)": "worker",
  "audit.make_partitions(integer)": "worker",
  "imports.abandon_import_cutover(uuid)": "admin worker",
  "imports.cancel_import_batch(uuid)": "admin worker",
  "imports.check_import_cutover(uuid,text)": "admin worker",
  "imports.fix_import_issue(uuid,jsonb,text)": "admin worker",
  "imports.pause_import_batch(uuid)": "admin worker",
  "imports.plan_import_batch(uuid,imports.conflict_policy,numeric,text)": "admin worker",
  "imports.preview_import_rollback(uuid)": "admin worker",
  "imports.preview_import_reopening(uuid)": "admin worker",
  "imports.queue_import_batch(uuid,imports.conflict_policy,numeric,text,boolean)": "admin worker",
  "imports.records_source_text(imports.records)": "viewer worker",
  "imports.merge_import_records(uuid,text)": "admin worker",
  "imports.reopen_import_cutover(uuid)": "admin worker",
  "imports.replay_import_batch(uuid)": "admin worker",
  "imports.resume_import_batch(uuid)": "admin worker",
  "imports.rollback_import_batch(uuid)": "admin worker",
  "imports.start_import_cutover(uuid,integer,integer,imports.conflict_policy,numeric,text)": "admin worker",
  "imports.switch_import_cutover(uuid)": "admin worker",
  "imports.verify_import_batch(uuid)": "admin worker",
  "imports.withdraw_import_merge(uuid)": "admin worker",
  "journeys.add_comment(uuid,text)": "client editor",
  "journeys.approvals_allowed_transitions(journeys.approvals)": "viewer client",
  "journeys.archive_journey(uuid,integer)": "editor",
  "journeys.change_requests_allowed_transitions(journeys.change_requests)": "viewer client",
  "journeys.clients_health(journeys.clients)": "viewer",
  "journeys.clients_history(journeys.clients)": "viewer",
  "journeys.clients_journey_counts(journeys.clients)": "viewer",
  "journeys.clients_touchpoint_counts(journeys.clients)": "viewer",
  "journeys.create_change_request(uuid,journeys.change_request_type,text,text,journeys.change_request_priority,uuid,uuid)":
    "client editor",
  "journeys.diff_journey_versions(uuid,uuid)": "viewer client",
  "journeys.duplicate_journey(uuid,text,uuid)": "editor",
  "journeys.journeys_allowed_transitions(journeys.journeys)": "viewer",
  "journeys.journeys_has_unsubmitted_changes(journeys.journeys)": "viewer",
  "journeys.journeys_history(journeys.journeys)": "viewer",
  "journeys.journeys_touchpoint_counts(journeys.journeys)": "viewer",
  "journeys.move_change_request(uuid,journeys.change_request_status,text,integer)": "client editor",
  "journeys.publish_journey(uuid,integer)": "admin",
  "journeys.reopen_comment_thread(uuid)": "client editor",
  "journeys.reorder_touchpoints(uuid,uuid[],integer)": "editor",
  "journeys.resolve_comment_thread(uuid)": "client editor",
  "journeys.restore_journey(uuid,integer)": "editor",
  "journeys.restore_journey_version(uuid,integer)": "editor",
  "journeys.review_journey(uuid,journeys.review_decision,text)": "client admin",
  "journeys.revoke_review_link(uuid)": "editor",
  "journeys.save_journey_version(uuid,text,integer)": "editor",
  "journeys.search_touchpoints(text,uuid,integer)": "viewer",
  "journeys.start_comment_thread(uuid,text,uuid,uuid,jsonb,boolean)": "client editor",
  "journeys.submit_journey(uuid,text,integer)": "editor",
  "journeys.touchpoints_history(journeys.touchpoints)": "viewer",
  "journeys.withdraw_journey(uuid,integer)": "editor",
  "leadgen.add_pipeline_cost(uuid,numeric,uuid,uuid)": "automation",
  "leadgen.approve_message(uuid,text,text,integer)": "editor",
  "leadgen.approve_messages(uuid[])": "editor",
  "leadgen.claim_companies(leadgen.pipeline_stage,text,text,leadgen.company_tier[],integer,interval,boolean,uuid,text)":
    "automation",
  "leadgen.claim_contacts(leadgen.pipeline_stage,text,text,leadgen.company_tier[],integer,interval,boolean,uuid,text)":
    "automation",
  "leadgen.companies_allowed_transitions(leadgen.companies)": "automation viewer",
  "leadgen.contacts_allowed_transitions(leadgen.contacts)": "automation viewer",
  "leadgen.count_rows(uuid,uuid)": "automation viewer",
  "leadgen.disqualify_company(uuid,text,integer)": "editor",
  "leadgen.extend_claim(uuid,interval)": "automation",
  "leadgen.find_companies(text,leadgen.company_status[],leadgen.company_tier[],uuid,uuid,text,text,numeric,numeric,leadgen.company_order,integer,text)":
    "automation viewer",
  "leadgen.find_contacts(text,leadgen.contact_message_status[],leadgen.company_tier[],uuid,uuid,uuid,text,text,numeric,numeric,leadgen.contact_order,integer,text)":
    "automation viewer",
  "leadgen.find_messages(leadgen.message_status,uuid,leadgen.message_channel,integer,text)": "automation viewer",
  "leadgen.finish_pipeline_run(uuid,text)": "admin automation",
  "leadgen.give_back(uuid,text,numeric)": "automation",
  "leadgen.keep_companies_apart(uuid,uuid)": "editor",
  "leadgen.keep_contacts_apart(uuid,uuid)": "editor",
  "leadgen.mark_message_delivered(uuid,timestamp with time zone)": "automation editor",
  "leadgen.mark_message_replied(uuid,timestamp with time zone)": "automation editor",
  "leadgen.mark_message_sent(uuid,timestamp with time zone)": "automation editor",
  "leadgen.merge_companies(uuid,uuid)": "editor",
  "leadgen.merge_contacts(uuid,uuid)": "editor",
  "leadgen.messages_allowed_transitions(leadgen.messages)": "automation viewer",
  "leadgen.messages_exceeded_limits(leadgen.messages)": "automation viewer",
  "leadgen.move_company(uuid,leadgen.company_status,text)": "automation",
  "leadgen.pass_company(uuid,text,integer)": "editor",
  "leadgen.pipeline_runs_allowed_transitions(leadgen.pipeline_runs)": "automation viewer",
  "leadgen.reconsider_company(uuid,text,integer)": "editor",
  "leadgen.record_activities(jsonb)": "automation editor",
  "leadgen.record_company_l1(uuid,leadgen.company_status,jsonb,jsonb,numeric)": "automation",
  "leadgen.record_company_l2(uuid,jsonb,jsonb,numeric)": "automation",
  "leadgen.record_leads(jsonb,text,text,leadgen.contact_source)": "automation editor",
  "leadgen.record_messages(uuid,jsonb,numeric)": "automation",
  "leadgen.record_person(uuid,jsonb,jsonb,numeric)": "automation",
  "leadgen.reject_message(uuid,text,integer)": "editor",
  "leadgen.research_assets_research_json(leadgen.research_assets)": "automation viewer",
  "leadgen.restart_messages(uuid,integer)": "editor",
  "leadgen.retry_company(uuid,integer)": "editor",
  "leadgen.start_pipeline_run(text,text,text,jsonb)": "automation",
  "leadgen.summarize_batch(uuid,uuid)": "automation viewer",
  "leadgen.undo_duplicate_decision(uuid)": "editor",
  "leadgen.undo_message_review(uuid,integer)": "editor",
  "publishing.accept_remote(uuid)": "editor",
  "publishing.forget_remote(uuid)": "admin",
  "publishing.installation_id()": "worker",
  "publishing.location_token(uuid)": "worker",
  "publishing.push_again(uuid)": "admin",
  "publishing.reconcile_location(uuid)": "admin worker",
  "publishing.resume_publications(interval)": "worker",
  "publishing.retry_publication(uuid)": "admin worker",
  "publishing.retry_publication_item(uuid)": "admin",
  "publishing.sync_template(uuid,uuid)": "admin",
  "publishing.tick_handoff_step(uuid)": "editor",
  "publishing.unpublish_journey(uuid)": "admin",
  "publishing.untick_handoff_step(uuid)": "editor",
  "tenancy.api_keys_last_used_at(tenancy.api_keys)": "admin",
  "tenancy.reactivate_tenant(text)": "operator",
  "tenancy.revoke_api_key(uuid)": "admin",
  "tenancy.suspend_tenant(text,text)": "operator",
};

/** Functions that look beyond the tenant of whoever calls them, and why they may. */
export const functionsBeyondTenants: Record<string, string> = {
  "app.current_memberships()": "names the tenants of whoever asks, who may switch to them",
  "app.sign_out(boolean)": "ends the sessions of whoever asks, in every tenant where they are",
  "app.authorize_session(uuid,uuid,uuid)": "asks for whoever shows a token; for the API's login alone",
  "app.rederive_password(text,bytea,bytea,jsonb,bytea)": "asks for the password itself; for the API's login alone",
  "app.password_parameters(text,bytea,jsonb)": "asks before anybody is signed in; for the API's login alone",
  "app.sign_in(text,bytea,text,interval,text,inet)": "signs in to any tenant; for the API's login alone",
  "app_private.claim_mails(integer)": "takes mails in hand, whosever they are; for the worker alone",
  "app_private.take_call(uuid,text,integer)":
    "shares out the calls of a key, which several locations may have; for the worker alone",
  "app_private.requeue_import_batches(interval)":
    "finds batches whose worker died, whosever they are; for the worker alone",
  "app_private.forget_import_calls(interval,integer)":
    "deletes calls to sources that are due, whosever they are; for the worker alone",
  "app_private.forget_publishing_calls(interval,integer)":
    "deletes calls to GoHighLevel that are due, whosever they are; for the worker alone",
  "app_private.forget_import_payloads(interval)":
    "drops the texts of imports that are due, whosever they are; for the worker alone",
  "publishing.resume_publications(interval)":
    "finds publications whose worker died, whosever they are; for the worker alone",
  "app_private.waiting_publications(integer)":
    "finds publications that wait for a worker, whosever they are; for the worker alone",
};

/** Whether a role is among these, or inherits one that is. */
export function isAmong(words: string, word: Word): boolean {
  const above = inherits[word];
  return words.split(" ").includes(word) || (above !== undefined && isAmong(words, above));
}
