import { boolean, decimal, link, named, options, select, text, timestamp } from "../../codecs.ts";
import {
  beside,
  type Collection,
  collection,
  countOf,
  formula,
  inPart,
  lookup,
  part,
  reverseOf,
  superseded,
  to,
} from "../mapping.ts";
import { batchNames } from "./batches.ts";
import {
  contactMessageStatus,
  contactSource,
  department,
  icpFit,
  language,
  relationshipStatus,
  seniorityLevel,
} from "./options.ts";

const researchPart = "Contacts → research";
const batchesPart = "Contacts → batches";

/** A field from before the table Messages: dropped where a message to the contact says the same. */
const message = (...fields: string[]) =>
  superseded("Messages holds it since.", {
    kind: "linking",
    collection: "Messages",
    link: "Contact",
    fields,
    values: null,
  });

/** Contacts, and what is split off of them. */
export const contacts: Collection[] = [
  collection(
    "Contacts",
    "leadgen.contacts",
    {
      createdTime: beside("created_at", timestamp()),
      "Full Name": to("full_name", text(), { required: true }),
      "Job Title": to("job_title", text()),
      "Email Address": to("email", text()),
      "LinkedIn URL": to("linkedin_url", text()),
      "Phone Number": to("phone_number", text()),
      "Profile Photo": to("profile_photo_url", text()),
      "Seniority Level": to("seniority_level", select("leadgen.seniority_level", seniorityLevel)),
      Department: to("department", select("leadgen.department", department)),
      "Location City": to("location_city", text()),
      "Location Country": to("location_country", text()),
      "ICP Fit": to("icp_fit", select("leadgen.icp_fit", icpFit, "unknown")),
      "Relationship Status": to(
        "relationship_status",
        select("leadgen.relationship_status", relationshipStatus, "prospect"),
      ),
      "Contact Source": to("contact_source", select("leadgen.contact_source", contactSource)),
      language: to("language", select("leadgen.language", language, "en")),
      message_status: to(
        "message_status",
        select("leadgen.contact_message_status", contactMessageStatus, "not_started"),
        {
          required: true,
        },
      ),
      "AI Champion": to("is_ai_champion", boolean()),
      "AI Champion Score": to("ai_champion_score", decimal()),
      "Authority Score": to("authority_score", decimal()),
      "Contact Score": to("contact_score", decimal()),
      "Enrichment Cost": to("enrichment_cost_usd", decimal("0")),
      processed_enrich: to("is_enriched", boolean()),
      email_lookup: to("is_email_looked_up", boolean()),
      duplicity_check: to("is_duplicity_checked", boolean()),
      duplicity_conflict: to("has_duplicity_conflict", boolean()),
      duplicity_detail: to("duplicity_detail", text()),
      error: to("error_message", text()),
      Notes: to("notes", text()),
      Company: to("company_id", link("Companies")),
      Owner: to("owner_id", link("Owners")),
      "Contact of": superseded("The owner in words: Owner is the owner.", {
        kind: "linked",
        link: "Owner",
        field: "Name",
      }),
      batch_name: inPart(batchesPart, "names"),
      "Person Summary": inPart(researchPart),
      "LinkedIn Profile Summary": inPart(researchPart),
      "Relationship Summary (AI)": inPart(researchPart),
      "Enrich LinkedIn Profile (AI)": inPart(researchPart),
      "Enrichment Status": superseded("What processed_enrich and error say.", {
        kind: "agreeing",
        options: {
          Pending: "not is_enriched and error_message is null",
          Enriched: "is_enriched",
          Failed: "not is_enriched and error_message is not null",
        },
      }),
      "LinkedIn Connect Msg": message("body"),
      "LinkedIn Follow-up 1": message("body"),
      "LinkedIn Follow-up 2": message("body"),
      "LinkedIn Follow-up 3": message("body"),
      "Email Subject 1": message("subject"),
      "Email Body 1": message("body"),
      "Email Subject 2": message("subject"),
      "Email Body 2": message("body"),
      "Call Script": message("body"),
      Icebreaker: message("body"),
      "Msg Tone": message("tone"),
      "Msg Approved": superseded("The status of the messages says it since.", {
        kind: "linking",
        collection: "Messages",
        link: "Contact",
        fields: ["status"],
        values: ["approved", "sent", "delivered", "replied"],
      }),
      Messages: reverseOf("Messages", "Contact"),
      Activity: reverseOf("Activity", "Contact"),
      "CRM Events": reverseOf("CRM Events", "Participants"),
      Tasks: reverseOf("Tasks", "Contacts"),
      Research: reverseOf("research_directory", "Contacts"),
      "Message Count": countOf("Messages", "Contact"),
      "Company Tier": lookup(
        "Company",
        options(),
        "(select jsonb_build_array(known.label) from leadgen.labels known where known.enum_type = 'company_tier' and known.value = linked.tier::text)",
      ),
      created: formula(timestamp(), "row.created_at"),
    },
    {
      rules: [
        { holds: "ai_champion_score between 0 and 10", column: "ai_champion_score", reason: "out_of_range" },
        { holds: "authority_score between 0 and 10", column: "authority_score", reason: "out_of_range" },
        { holds: "contact_score between 0 and 100", column: "contact_score", reason: "out_of_range" },
        { holds: "enrichment_cost_usd >= 0", column: "enrichment_cost_usd", reason: "below_zero" },
      ],
    },
  ),

  part(
    researchPart,
    "leadgen.contact_enrichment",
    { kind: "split", collection: "Contacts", owner: "Contact" },
    {
      createdTime: beside("created_at", timestamp()),
      Contact: to("contact_id", link("Contacts"), { required: true }),
      "Person Summary": to("person_summary", text()),
      "LinkedIn Profile Summary": to("linkedin_profile_summary", text()),
      "Relationship Summary (AI)": to("relationship_synthesis", text()),
      "Enrich LinkedIn Profile (AI)": to("earlier_profile_summary", text()),
    },
  ),

  part(
    batchesPart,
    "leadgen.contact_batches",
    {
      kind: "elements",
      collection: "Contacts",
      fields: ["batch_name"],
      owner: "Contact",
      field: null,
      element: "Batch",
    },
    {
      createdTime: beside("created_at", timestamp()),
      Contact: to("contact_id", link("Contacts"), { required: true }),
      Batch: to("batch_id", named(batchNames), { required: true }),
    },
  ),
];
