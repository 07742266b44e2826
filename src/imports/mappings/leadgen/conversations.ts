import { boolean, date, decimal, integer, link, named, select, text, timestamp } from "../../codecs.ts";
import { beside, type Collection, collection, formula, inPart, part, reverseOf, to } from "../mapping.ts";
import { batchNames } from "./batches.ts";
import {
  activitySource,
  activityType,
  campaignChannel,
  crmEventOutcome,
  crmEventType,
  language,
  messageChannel,
  messageStatus,
  messageTone,
  messageVariant,
} from "./options.ts";

const born = { createdTime: beside("created_at", timestamp()) };

/** A record for each link of a field: who took part in what. */
function links(
  name: string,
  table: string,
  from: { collection: string; field: string; owner: string; column: string },
  end: { collection: string; element: string; column: string },
): Collection {
  return part(
    name,
    table,
    {
      kind: "elements",
      collection: from.collection,
      fields: [from.field],
      owner: from.owner,
      field: null,
      element: end.element,
    },
    {
      ...born,
      [from.owner]: to(from.column, link(from.collection), { required: true }),
      [end.element]: to(end.column, link(end.collection), { required: true }),
    },
  );
}

/** What is said to contacts, and what happens with them. */
export const conversations: Collection[] = [
  collection("Campaigns", "leadgen.campaigns", {
    ...born,
    Name: to("name", text(), { required: true }),
    Owner: to("owner_id", link("Owners")),
    lemlist_campaign_id: to("lemlist_campaign_id", text()),
    channel: to("channel", select("leadgen.campaign_channel", campaignChannel)),
    batch_name: to("batch_id", named(batchNames)),
    active: to("is_active", boolean()),
    Messages: reverseOf("Messages", "Campaign"),
  }),

  collection(
    "Messages",
    "leadgen.messages",
    {
      ...born,
      label: to("label", text()),
      Contact: to("contact_id", link("Contacts"), { required: true }),
      Owner: to("owner_id", link("Owners")),
      Campaign: to("campaign_id", link("Campaigns")),
      channel: to("channel", select("leadgen.message_channel", messageChannel), { required: true }),
      sequence_step: to("sequence_step", integer(1)),
      variant: to("variant", select("leadgen.message_variant", messageVariant, "a")),
      subject: to("subject", text()),
      body: to("body", text(), { required: true }),
      status: to("status", select("leadgen.message_status", messageStatus, "draft"), { required: true }),
      tone: to("tone", select("leadgen.message_tone", messageTone)),
      language: to("language", select("leadgen.language", language, "en")),
      generation_cost: to("generation_cost_usd", decimal("0")),
      approved_at: to("approved_at", timestamp()),
      sent_at: to("sent_at", timestamp()),
      batch_name: to("batch_id", named(batchNames)),
      review_notes: to("review_notes", text()),
    },
    {
      rules: [
        { holds: "sequence_step >= 1", column: "sequence_step", reason: "out_of_range" },
        { holds: "generation_cost_usd >= 0", column: "generation_cost_usd", reason: "below_zero" },
      ],
    },
  ),

  collection(
    "Activity",
    "leadgen.activities",
    {
      ...born,
      activity_name: to("name", text(), { required: true }),
      Contact: to("contact_id", link("Contacts")),
      source: to("source", select("leadgen.activity_source", activitySource)),
      timestamp: to("occurred_at", timestamp(), { required: true, orFrom: ["createdTime"] }),
      activity_type: to("type", select("leadgen.activity_type", activityType)),
      activity_detail: to("detail", text()),
      external_id: to("external_id", text()),
      Processed: to("is_processed", boolean()),
      Tasks: reverseOf("Tasks", "Activities"),
      batch_name: to("batch_id", named(batchNames)),
      cost: to("cost_usd", decimal("0")),
      Owner: to("owner_id", link("Owners")),
      created: formula(timestamp(), "row.created_at"),
    },
    {
      unique: [["external_id"]],
      rules: [{ holds: "cost_usd >= 0", column: "cost_usd", reason: "below_zero" }],
    },
  ),

  collection(
    "CRM Events",
    "leadgen.crm_events",
    {
      ...born,
      "Event Name": to("name", text(), { required: true }),
      "Event Type": to("type", select("leadgen.crm_event_type", crmEventType)),
      "Event Date": to("event_at", timestamp()),
      Company: to("company_name", text()),
      Participants: inPart("CRM Events → participants", "links"),
      Summary: to("summary", text()),
      "Event Outcome": to("outcome", select("leadgen.crm_event_outcome", crmEventOutcome)),
      "Next Steps": to("next_steps", text()),
      "Created By": to("created_by", text()),
      created: formula(timestamp(), "row.created_at"),
    },
    {
      derived: {
        company_id: { kind: "byName", from: "company_name", collection: "Companies", column: "name" },
        creator_id: { kind: "byName", from: "created_by", collection: "Owners", column: "name" },
      },
    },
  ),
  links(
    "CRM Events → participants",
    "leadgen.crm_event_participants",
    { collection: "CRM Events", field: "Participants", owner: "Event", column: "crm_event_id" },
    { collection: "Contacts", element: "Contact", column: "contact_id" },
  ),

  collection(
    "Tasks",
    "leadgen.tasks",
    {
      ...born,
      "Task Name": to("name", text(), { required: true }),
      "Task Detail": to("detail", text()),
      Owner: to("owner_name", text()),
      "Scheduled At": to("scheduled_date", date()),
      "Completed At": to("completed_date", date()),
      "Completion Detail": to("completion_detail", text()),
      "Calendar ID": to("calendar_id", text()),
      Contacts: inPart("Tasks → contacts", "links"),
      Activities: inPart("Tasks → activities", "links"),
    },
    { derived: { owner_id: { kind: "byName", from: "owner_name", collection: "Owners", column: "name" } } },
  ),
  links(
    "Tasks → contacts",
    "leadgen.task_contacts",
    { collection: "Tasks", field: "Contacts", owner: "Task", column: "task_id" },
    { collection: "Contacts", element: "Contact", column: "contact_id" },
  ),
  links(
    "Tasks → activities",
    "leadgen.task_activities",
    { collection: "Tasks", field: "Activities", owner: "Task", column: "task_id" },
    { collection: "Activity", element: "Activity", column: "activity_id" },
  ),
];
