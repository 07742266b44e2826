import { boolean, decimal, link, select, text, timestamp } from "../codecs.ts";
import { batches } from "./leadgen/batches.ts";
import { companies } from "./leadgen/companies.ts";
import { contacts } from "./leadgen/contacts.ts";
import { conversations } from "./leadgen/conversations.ts";
import { language, messageTone } from "./leadgen/options.ts";
import { beside, collection, type Mapping, reverseOf, to } from "./mapping.ts";

/*
 * The lead generation base: ten tables with 216 fields. What the base keeps in one wide table, and here is in several, is made of parts.
 */

const born = { createdTime: beside("created_at", timestamp()) };

export const leadgen: Mapping = {
  name: "leadgen",
  title: "Leadgen: the lead generation team's Airtable base",
  cellsIn: "fields",
  collections: [
    collection(
      "Owners",
      "leadgen.owners",
      {
        ...born,
        Name: to("name", text(), { required: true }),
        Email: to("email", text()),
        lemlist_configured: to("is_lemlist_configured", boolean()),
        lemlist_default_campaign: to("lemlist_default_campaign", text()),
        default_tone: to("default_tone", select("leadgen.message_tone", messageTone)),
        default_language: to("default_language", select("leadgen.language", language, "en")),
        linkedin_profile_url: to("linkedin_url", text()),
        signature_block: to("signature_block", text()),
        Companies: reverseOf("Companies", "Account Owner Link"),
        Contacts: reverseOf("Contacts", "Owner"),
        Messages: reverseOf("Messages", "Owner"),
        Activity: reverseOf("Activity", "Owner"),
        Campaigns: reverseOf("Campaigns", "Owner"),
      },
      { unique: [["email"]] },
    ),

    batches,
    ...companies,
    ...contacts,
    ...conversations,

    collection(
      "research_directory",
      "leadgen.research_assets",
      {
        ...born,
        Name: to("name", text(), { required: true }),
        tool_name: to("tool_name", text()),
        tool_config: to("tool_config", text()),
        cost: to("cost_usd", decimal("0")),
        research_data: to("research_data", text()),
        confidence_score: to("confidence_score", decimal()),
        quality_score: to("quality_score", decimal()),
        Companies: to("company_id", link("Companies")),
        Contacts: to("contact_id", link("Contacts")),
        created_at: to("researched_at", timestamp()),
      },
      {
        rules: [
          { holds: "confidence_score between 0 and 1", column: "confidence_score", reason: "out_of_range" },
          { holds: "quality_score between 0 and 10", column: "quality_score", reason: "out_of_range" },
          { holds: "cost_usd >= 0", column: "cost_usd", reason: "below_zero" },
        ],
      },
    ),

    collection("audit_log", "leadgen.history", {
      ...born,
      event: to("event", text(), { required: true }),
      table_name: to("table_name", text()),
      entity_id: to("entity_id", text()),
      field_name: to("field_name", text()),
      old_value: to("old_value", text()),
      new_value: to("new_value", text()),
      changed_by: to("changed_by", text()),
      changed_at: to("changed_at", timestamp()),
    }),
  ],
};
