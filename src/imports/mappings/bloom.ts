import {
  boolean,
  decimal,
  integer,
  json,
  jsonOrText,
  link,
  nameList,
  options,
  select,
  text,
  timestamp,
} from "../codecs.ts";
import { beside, collection, dropped, leftOut, type Mapping, reverseOf, secret, to } from "./mapping.ts";

/*
 * The journey builder's base, in its four dialects: names are those of the real base (A); the visualizer's (B), the sync engine's (C)
 * and the specification's (D) are aliases.
 */

const born = { createdTime: beside("created_at", timestamp()) };

const touchpointTypes = {
  email: ["Email", "email"],
  sms: ["SMS", "Sms", "sms"],
  task: ["Task", "task"],
  wait: ["Wait", "wait"],
  condition: ["Condition", "condition"],
  trigger: ["Trigger", "trigger"],
  form: ["Form", "form"],
  call: ["Call", "call"],
  note: ["Note", "note"],
};

export const bloom: Mapping = {
  name: "bloom",
  title: "Bloom: the journey builder's Airtable base",
  cellsIn: "fields",
  collections: [
    collection(
      "Clients",
      "journeys.clients",
      {
        ...born,
        Name: to("name", text(), { required: true, aliases: ["Client Name"] }),
        "Location ID": to("ghl_location_id", text({ nothing: ["PENDING"] }), { aliases: ["GHL Location ID"] }),
        "PIT Token": secret(
          "A private integration token is never read from a field; store it with the client in Landfall.",
        ),
        Website: to("website", text()),
        Industry: to("industry", text()),
        Status: to(
          "status",
          select(
            "journeys.client_status",
            { onboarding: ["Onboarding"], active: ["Active"], inactive: ["Inactive"], archived: ["Archived"] },
            "onboarding",
          ),
          { required: true },
        ),
        Notes: to("config", text(), { key: "notes" }),
        "Contact Email": to("config", text(), { key: "contactEmail" }),
        Pipelines: reverseOf("Pipelines", "Client"),
        Journeys: reverseOf("Journeys", "Client"),
        Templates: reverseOf("Templates", "Client"),
        "Sync History": reverseOf("Sync History", "Client"),
      },
      { derived: { slug: { kind: "slug", from: "name" } }, unique: [["ghl_location_id"]] },
    ),

    collection("Pipelines", "journeys.pipelines", {
      ...born,
      "Pipeline Name": to("name", text(), { required: true, aliases: ["Name"] }),
      "Pipeline ID": to("ghl_pipeline_id", text(), { aliases: ["GHL Pipeline ID"] }),
      Stages: to("stages", json("array", [])),
      "Is Default": to("is_default", boolean()),
      Client: to("client_id", link("Clients"), { required: true, aliases: ["Clients"] }),
      Journeys: reverseOf("Journeys", "Pipeline"),
    }),

    collection(
      "Journeys",
      "journeys.journeys",
      {
        ...born,
        "Journey Name": to("name", text(), { required: true, aliases: ["Name"] }),
        Type: to(
          "category",
          select("journeys.journey_category", {
            wedding: ["Wedding"],
            corporate: ["Corporate"],
            event: ["Event"],
            inquiry: ["Inquiry"],
            nurture: ["Nurture"],
            retention: ["Retention"],
            reactivation: ["Reactivation"],
            onboarding: ["Onboarding"],
            confirmation: ["Confirmation"],
            follow_up: ["Follow-up", "Follow-Up", "Follow Up"],
            proposal: ["Proposal"],
          }),
          { aliases: ["Category"] },
        ),
        Status: to(
          "status",
          select(
            "journeys.journey_status",
            {
              draft: ["Draft"],
              client_review: ["In Review", "Client Review", "Review"],
              approved: ["Approved"],
              published: ["Active", "Published"],
              rejected: ["Rejected"],
              archived: ["Archived", "Paused"],
            },
            "draft",
          ),
          { required: true },
        ),
        Description: to("description", text()),
        Goal: to("goal", text()),
        "Trigger Config": to("trigger_config", json("object")),
        Tags: to("metadata", options(), { key: "tags" }),
        Version: to("metadata", integer(), { key: "sourceVersion" }),
        Duration: to("metadata", text(), { key: "duration" }),
        "GHL Workflow ID": to("metadata", text(), { key: "ghlWorkflowId" }),
        "Sync Status": to("metadata", text(), { key: "syncStatus" }),
        "Last Sync": to("metadata", timestamp(), { key: "lastSyncedAt", aliases: ["Last Synced"] }),
        Client: to("client_id", link("Clients"), { required: true }),
        Pipeline: to("pipeline_id", link("Pipelines")),
        Touchpoints: reverseOf("Touchpoints", "Journey"),
      },
      { derived: { slug: { kind: "slug", from: "name" } } },
    ),

    collection(
      "Touchpoints",
      "journeys.touchpoints",
      {
        ...born,
        "Internal Name": to("name", text(), { required: true, aliases: ["Name"] }),
        Day: to("day_offset", integer()),
        Order: to("source_order", decimal()),
        Type: to("type", select("journeys.touchpoint_type", touchpointTypes), { required: true }),
        "Body Content": to("content", jsonOrText("body"), { aliases: ["Content"] }),
        Subject: to("content", text(), { key: "subject", aliases: ["Subject Line"] }),
        "Preview Text": to("content", text(), { key: "previewText" }),
        "GHL Template ID": to("ghl_template_id", text(), { aliases: ["Template ID"] }),
        Status: to(
          "status",
          select(
            "journeys.touchpoint_status",
            {
              draft: ["Draft"],
              client_review: ["Client Review", "In Review", "Review"],
              approved: ["Approved"],
              published: ["Published"],
              needs_revision: ["Needs Revision"],
            },
            "draft",
          ),
          { required: true },
        ),
        Config: to("config", json("object", {})),
        Delay: to("config", decimal(), { key: "delay" }),
        "Delay Unit": to("config", text(), { key: "delayUnit" }),
        Condition: to("config", text(), { key: "condition" }),
        Assignee: to("config", text(), { key: "assignee" }),
        "Due In": to("config", text(), { key: "dueIn" }),
        "Last Synced": to("config", timestamp(), { key: "lastSyncedAt" }),
        Position: to("position", json("object")),
        PositionX: to("position", decimal(), { key: "x" }),
        PositionY: to("position", decimal(), { key: "y" }),
        Journey: to("journey_id", link("Journeys"), { required: true }),
        "Next Touchpoint": to("next_touchpoint_id", link("Touchpoints")),
        Versions: reverseOf("Versions", "Touchpoint"),
        Approvals: reverseOf("Approvals", "Touchpoint"),
        Templates: reverseOf("Templates", "Touchpoint"),
      },
      {
        derived: {
          order_index: { kind: "rank", within: "journey_id", by: ["day_offset", "source_order", "created_at"] },
        },
      },
    ),

    collection(
      "Versions",
      "journeys.touchpoint_versions",
      {
        ...born,
        "Version Number": to("version", integer(), { required: true, aliases: ["Version"] }),
        Subject: to("subject", text()),
        "Body Content": to("body", text(), { aliases: ["Content"] }),
        "Change Notes": to("change_notes", text(), { aliases: ["Change Log"] }),
        Touchpoint: to("touchpoint_id", link("Touchpoints"), { required: true }),
      },
      { unique: [["touchpoint_id", "version"]] },
    ),

    collection(
      "Approvals",
      "journeys.approvals",
      {
        ...born,
        Status: to(
          "status",
          select("journeys.approval_status", {
            pending: ["Pending"],
            approved: ["Approved"],
            rejected: ["Rejected"],
            changes_requested: ["Changes Requested"],
          }),
          { required: true },
        ),
        Comments: to("comments", text()),
        "Approved At": to("reviewed_at", timestamp(), { aliases: ["Reviewed At"] }),
        Touchpoint: to("touchpoint_id", link("Touchpoints"), { required: true }),
      },
      {
        derived: {
          journey_id: { kind: "through", link: "touchpoint_id", table: "journeys.touchpoints", column: "journey_id" },
          client_id: { kind: "through", link: "journey_id", table: "journeys.journeys", column: "client_id" },
          is_imported: { kind: "constant", type: "boolean", value: "true" },
        },
      },
    ),

    collection(
      "Templates",
      "journeys.templates",
      {
        ...born,
        "Template Name": to("name", text(), { required: true, aliases: ["Name"], orFrom: ["GHL Template ID"] }),
        "GHL Template ID": to("ghl_template_id", text(), { aliases: ["Template ID"] }),
        "Template Type": to("type", select("journeys.template_type", { email: ["Email"], sms: ["SMS"] }), {
          required: true,
          aliases: ["Type"],
        }),
        Content: to("content", jsonOrText("body")),
        Subject: to("content", text(), { key: "subject" }),
        Variables: to("variables", nameList()),
        Status: to(
          "status",
          select(
            "journeys.template_status",
            { draft: ["Draft"], approved: ["Approved"], published: ["Published", "Active"], archived: ["Archived"] },
            "draft",
          ),
          { required: true },
        ),
        "Last Synced": to("last_synced_at", timestamp(), { aliases: ["Last Sync"] }),
        "Sync Status": to(
          "sync_status",
          select("journeys.template_sync_status", {
            pending: ["Pending"],
            synced: ["Synced"],
            failed: ["Failed"],
            modified_in_ghl: ["Modified in GHL"],
          }),
        ),
        Client: to("client_id", link("Clients")),
        Touchpoint: to("touchpoint_id", link("Touchpoints")),
      },
      { unique: [["ghl_template_id"]] },
    ),

    // The email factory's list. It names its client in words and repeats template ids, so both stay words until a person links them.
    collection(
      "Email Previews",
      "journeys.templates",
      {
        ...born,
        Name: to("name", text(), { required: true }),
        Status: to(
          "status",
          select(
            "journeys.template_status",
            { draft: ["Draft", "In Review"], approved: ["Approved"], archived: ["Rejected"] },
            "draft",
          ),
          { required: true },
        ),
        Client: to("content", text(), { key: "clientName" }),
        Day: to("content", integer(), { key: "day" }),
        Type: to("content", text(), { key: "kind" }),
        Subject: to("content", text(), { key: "subject" }),
        "GHL Template ID": to("content", text(), { key: "ghlTemplateId" }),
        "Last Generated": to("content", timestamp(), { key: "lastGeneratedAt" }),
        "HTML Size": to("content", text(), { key: "htmlSize" }),
        Preview: dropped("A picture of the rendered email: it is made again from the text, and its address expires."),
      },
      { isOptional: true, derived: { type: { kind: "constant", type: "journeys.template_type", value: "email" } } },
    ),

    collection(
      "Sync History",
      "journeys.sync_history",
      {
        ...born,
        Operation: to(
          "operation",
          select("journeys.sync_operation", {
            full_sync: ["Full Sync"],
            template_create: ["Template Create"],
            template_update: ["Template Update"],
            template_delete: ["Template Delete"],
          }),
          { required: true },
        ),
        Status: to(
          "status",
          select("journeys.sync_status", { success: ["Success"], failed: ["Failed"], partial: ["Partial"] }),
          { required: true },
        ),
        "Items Synced": to("items_synced", integer()),
        Errors: to("errors", text()),
        "Started At": to("started_at", timestamp()),
        "Completed At": to("completed_at", timestamp()),
        Client: to("client_id", link("Clients"), { required: true }),
      },
      {
        aliases: ["SyncHistory"],
        rules: [
          { holds: "completed_at >= started_at", column: "completed_at", reason: "ends_before_start" },
          { holds: "items_synced >= 0", column: "items_synced", reason: "below_zero" },
        ],
      },
    ),

    leftOut("Table 1", "Airtable makes it with every base; it was never used."),
  ],
};
