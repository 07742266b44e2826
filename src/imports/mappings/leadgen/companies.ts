import { boolean, decimal, fencedJson, integer, link, named, select, text, timestamp } from "../../codecs.ts";
import {
  beside,
  type Collection,
  collection,
  countOf,
  formula,
  inPart,
  part,
  reverseOf,
  rollupOf,
  superseded,
  to,
} from "../mapping.ts";
import { batchNames } from "./batches.ts";
import {
  businessModel,
  businessType,
  buyingStage,
  cohort,
  companySize,
  companyStatus,
  companyTier,
  confidenceLevel,
  crmStatus,
  engagementStatus,
  geoRegion,
  industry,
  ownershipType,
  revenueRange,
  tagCategory,
} from "./options.ts";

/** The long texts of the second stage of research: field → column of the table that they are split off to. */
const research = {
  company_intel: "company_intel",
  "Recent News": "recent_news",
  "AI Opportunities": "ai_opportunities",
  "Pain Hypothesis": "pain_hypothesis",
  "Relevant Case Study": "relevant_case_study",
  "Digital Initiatives": "digital_initiatives",
  "Leadership Changes": "leadership_changes",
  "Hiring Signals": "hiring_signals",
  "Key Products": "key_products",
  "Customer Segments": "customer_segments",
  Competitors: "competitors",
  "Tech Stack": "tech_stack",
  "Funding History": "funding_history",
  "EU Grants": "eu_grants",
  "Leadership Team": "leadership_team",
  "AI Hiring": "ai_hiring",
  "Tech Partnerships": "tech_partnerships",
  Certifications: "certifications",
  "Industry Pain Points (AI)": "industry_pain_points",
  "Cross-Functional Pain Points": "cross_functional_pain",
  "Adoption Barriers": "adoption_barriers",
  "Competitor AI Moves": "competitor_ai_moves",
};

const researchPart = "Companies → research";
const tagsPart = "Companies → tags";
const tagFields = Object.values(tagCategory).flat();

const inParts = (names: string[], name: string, takes?: Parameters<typeof inPart>[1]) =>
  Object.fromEntries(names.map((field) => [field, inPart(name, takes)]));

/** Companies, and what is split off of them. */
export const companies: Collection[] = [
  collection(
    "Companies",
    "leadgen.companies",
    {
      createdTime: beside("created_at", timestamp()),
      Company: to("name", text(), { required: true }),
      Domain: to("domain", text()),
      batch_name: to("batch_id", named(batchNames)),
      "Account Owner Link": to("owner_id", link("Owners")),
      "Account Owner": superseded("The owner in words: Account Owner Link is the owner.", {
        kind: "linked",
        link: "Account Owner Link",
        field: "Name",
      }),
      Status: to("status", select("leadgen.company_status", companyStatus, "new"), { required: true }),
      Tier: to("tier", select("leadgen.company_tier", companyTier)),
      "Business Model": to("business_model", select("leadgen.business_model", businessModel)),
      "Business Type": to("business_type", select("leadgen.business_type", businessType)),
      "Company Size": to("company_size", select("leadgen.company_size", companySize)),
      "Ownership Type": to("ownership_type", select("leadgen.ownership_type", ownershipType)),
      "Region / Geo Cluster": to("geo_region", select("leadgen.geo_region", geoRegion)),
      "Industry (Enum)": to("industry", select("leadgen.industry", industry)),
      Industry_category: to("industry_category", text()),
      Revenue: to("revenue_range", select("leadgen.revenue_range", revenueRange)),
      "Buying Stage / Engagement Stage": to("buying_stage", select("leadgen.buying_stage", buyingStage)),
      "Engagement Status": to("engagement_status", select("leadgen.engagement_status", engagementStatus)),
      "CRM Status": to("crm_status", select("leadgen.crm_status", crmStatus)),
      "Industry GenAI Adoption": to("ai_adoption", select("leadgen.confidence_level", confidenceLevel)),
      "News Confidence": to("news_confidence", select("leadgen.confidence_level", confidenceLevel)),
      "Research Confidence": to("research_confidence", select("leadgen.confidence_level", confidenceLevel)),
      Cohort: to("cohort", select("leadgen.cohort", cohort)),
      "Company Summary": to("summary", text()),
      "HQ City": to("hq_city", text()),
      "HQ Country": to("hq_country", text()),
      "Triage Notes": to("triage_notes", text()),
      "Triage Score": to("triage_score", decimal()),
      "Pre-score": to("pre_score", decimal()),
      "Batch number": to("batch_number", decimal()),
      "Verified Revenue (€M)": to("verified_revenue_eur_m", decimal()),
      "Verified Employees": to("verified_employees", decimal()),
      "Enrichment Cost (USD)": to("enrichment_cost_usd", decimal("0")),
      lemlist: to("is_synced_to_lemlist", boolean()),
      "Error message": to("error_message", text()),
      Notes: to("notes", text()),
      ...inParts([...Object.keys(research), "Quick Wins (JSON)"], researchPart),
      ...inParts(tagFields, tagsPart, "options"),
      research_directory: superseded("The name of a record in research_directory, which links here.", {
        kind: "linking",
        collection: "research_directory",
        link: "Companies",
        fields: ["Name"],
        values: null,
      }),
      Contacts: reverseOf("Contacts", "Company"),
      "Research Assets": reverseOf("research_directory", "Companies"),
      "Contact Count": countOf("Contacts", "Company"),
      "Enriched Contacts": rollupOf("Contacts", "Company", integer(), "count(*) filter (where row.is_enriched)"),
      "Best Contact Score": rollupOf("Contacts", "Company", decimal(), "coalesce(max(row.contact_score), 0)"),
      "Total Research Cost": rollupOf("research_directory", "Companies", decimal(), "coalesce(sum(row.cost_usd), 0)"),
      "Revenue per Employee": formula(
        decimal(),
        "round(row.verified_revenue_eur_m * 1000000 / nullif(row.verified_employees, 0))",
      ),
    },
    {
      rules: [
        { holds: "enrichment_cost_usd >= 0", column: "enrichment_cost_usd", reason: "below_zero" },
        { holds: "verified_employees >= 0", column: "verified_employees", reason: "below_zero" },
      ],
    },
  ),

  part(
    researchPart,
    "leadgen.company_enrichment_l2",
    { kind: "split", collection: "Companies", owner: "Company" },
    {
      createdTime: beside("created_at", timestamp()),
      Company: to("company_id", link("Companies"), { required: true }),
      ...Object.fromEntries(Object.entries(research).map(([field, column]) => [field, to(column, text())])),
      "Quick Wins (JSON)": to("quick_wins", fencedJson()),
    },
  ),

  part(
    tagsPart,
    "leadgen.company_tags",
    { kind: "elements", collection: "Companies", fields: tagFields, owner: "Company", field: "Field", element: "Tag" },
    {
      createdTime: beside("created_at", timestamp()),
      Company: to("company_id", link("Companies"), { required: true }),
      Field: to("category", select("leadgen.tag_category", tagCategory), { required: true }),
      Tag: to("value", text(), { required: true }),
    },
  ),
];
