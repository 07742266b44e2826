/** What the base calls the values of the enums: value → its names, the usual one first. */

export const companyStatus = {
  new: ["New"],
  enrichment_failed: ["Enrichment Failed"],
  enriched: ["Enriched"],
  needs_review: ["Needs Review"],
  triage_passed: ["Triage: Passed"],
  triage_review: ["Triage: Review"],
  triage_disqualified: ["Triage: Disqualified"],
  enrichment_l2_failed: ["Enrichment L2 Failed"],
  enriched_l2: ["Enriched L2"],
  error_pushing_lemlist: ["Error pushing to Lemlist"],
  synced: ["Synced"],
};

export const companyTier = {
  tier_1_platinum: ["Tier 1 - Platinum"],
  tier_2_gold: ["Tier 2 - Gold"],
  tier_3_silver: ["Tier 3 - Silver"],
  tier_4_bronze: ["Tier 4 - Bronze"],
  tier_5_copper: ["Tier 5 - Copper"],
  deprioritize: ["Deprioritize"],
};

export const businessModel = {
  b2b: ["B2B"],
  b2c: ["B2C"],
  marketplace: ["Marketplace"],
  gov: ["Gov"],
  non_profit: ["Non-profit"],
  hybrid: ["Hybrid (B2B/B2C)"],
};

export const businessType = {
  manufacturer: ["Manufacturer"],
  distributor: ["Distributor"],
  service_provider: ["Service provider"],
  saas: ["SaaS"],
  platform: ["Platform"],
  other: ["Other"],
};

export const companySize = {
  micro: ["Micro (<20)"],
  startup: ["Startup (20-49)"],
  smb: ["SMB (50-199)"],
  mid_market: ["Mid-market (200-1999)"],
  enterprise: ["Enterprise (2000+)"],
};

export const ownershipType = {
  bootstrapped: ["Bootstrapped"],
  vc_backed: ["VC-backed"],
  pe_backed: ["PE-backed"],
  public: ["Public"],
  family_owned: ["Family-owned"],
  state_owned: ["State-owned"],
  other: ["Other"],
};

export const geoRegion = {
  dach: ["DACH"],
  nordics: ["Nordics"],
  benelux: ["Benelux"],
  cee: ["CEE"],
  uk_ireland: ["UK & Ireland"],
  southern_europe: ["Southern Europe"],
  us: ["US"],
  other: ["Other"],
};

export const industry = {
  software_saas: ["Software & SaaS"],
  it: ["Information Technology"],
  professional_services: ["Professional Services"],
  financial_services: ["Financial Services"],
  healthcare: ["Healthcare & Life Sciences"],
  manufacturing: ["Manufacturing"],
  retail: ["Retail & E-Commerce"],
  media: ["Media & Entertainment"],
  energy: ["Energy & Utilities"],
  telecom: ["Telecommunications"],
  transport: ["Transportation & Logistics"],
  construction: ["Construction & Real Estate"],
  education: ["Education"],
  public_sector: ["Public Sector"],
  other: ["Other"],
};

/** The euro sign is part of the name. */
export const revenueRange = {
  micro: ["Micro (<€2M)"],
  small: ["Small (€2M-€10M)"],
  medium: ["Medium (€10M-€50M)"],
  mid_market: ["Mid-market (€50M-€500M)"],
  enterprise: ["Enterprise (€500M+)"],
};

export const buyingStage = {
  unaware: ["Unaware"],
  problem_aware: ["Problem-aware"],
  exploring_ai: ["Exploring AI"],
  looking_for_partners: ["Looking for Partners"],
  in_discussion: ["In Discussion"],
  proposal_sent: ["Proposal Sent"],
  won: ["Won"],
  lost: ["Lost"],
};

export const engagementStatus = {
  cold: ["Cold"],
  approached: ["Approached"],
  prospect: ["Prospect"],
  customer: ["Customer"],
  churned: ["Churned"],
};

/** Another vocabulary than that of the engagement: its last word is Churn. */
export const crmStatus = {
  cold: ["Cold"],
  scheduled_for_outreach: ["Scheduled for Outreach"],
  outreach: ["Outreach"],
  prospect: ["Prospect"],
  customer: ["Customer"],
  churn: ["Churn"],
};

export const confidenceLevel = { low: ["Low"], medium: ["Medium"], high: ["High"] };

export const cohort = { a: ["A"], b: ["B"] };

/** The fields of a company whose options are tags. */
export const tagCategory = {
  risk_exclusion_flag: ["Risk / Exclusion Flags"],
  opportunity_theme: ["Primary Opportunity Theme(s)"],
  trigger_event: ["Recent Trigger Events"],
  ai_use_case: ["AI Use Cases (Tags)"],
  pain_area: ["Primary Pain Areas"],
  opportunity_area: ["Opportunity Areas (High Value)"],
  strategic_signal: ["Strategic Signals (Recent)"],
};

export const seniorityLevel = {
  c_level: ["C-Level"],
  vp: ["VP"],
  director: ["Director"],
  manager: ["Manager"],
  individual_contributor: ["Individual Contributor"],
  founder: ["Founder"],
  other: ["Other"],
};

export const department = {
  executive: ["Executive"],
  engineering: ["Engineering"],
  product: ["Product"],
  sales: ["Sales"],
  marketing: ["Marketing"],
  customer_success: ["Customer Success"],
  finance: ["Finance"],
  hr: ["HR"],
  operations: ["Operations"],
  other: ["Other"],
};

export const icpFit = {
  strong_fit: ["Strong Fit"],
  moderate_fit: ["Moderate Fit"],
  weak_fit: ["Weak Fit"],
  unknown: ["Unknown"],
};

export const relationshipStatus = {
  prospect: ["Prospect"],
  active: ["Active"],
  dormant: ["Dormant"],
  former: ["Former"],
  partner: ["Partner"],
  internal: ["Internal"],
};

export const contactSource = {
  inbound: ["Inbound"],
  outbound: ["Outbound"],
  referral: ["Referral"],
  event: ["Event"],
  social: ["Social"],
  other: ["Other"],
};

export const language = { en: ["EN"], de: ["DE"], nl: ["NL"], cs: ["CS"] };

/** The workflows' own words are the values. */
const asTheyAre = (...values: string[]): Record<string, string[]> =>
  Object.fromEntries(values.map((value) => [value, [value]]));

export const contactMessageStatus = asTheyAre(
  "not_started",
  "generating",
  "generation_failed",
  "no_channel",
  "pending_review",
  "approved",
  "sent",
  "replied",
);

export const messageChannel = asTheyAre("linkedin_connect", "linkedin_message", "email", "call_script");

export const messageVariant = { a: ["A"], b: ["B"] };

export const messageStatus = asTheyAre("draft", "approved", "rejected", "sent", "delivered", "replied");

export const messageTone = asTheyAre("professional", "casual", "bold", "empathetic");

export const campaignChannel = asTheyAre("linkedin", "email", "multi");

export const activityType = asTheyAre("message", "event");

/** The extension and the enum spell one of them differently. */
export const activitySource = {
  ...asTheyAre("email", "linkedin", "call", "manual"),
  in_person: ["in-person", "in_person"],
};

export const crmEventType = {
  meeting: ["Meeting"],
  call: ["Call"],
  email: ["Email"],
  demo: ["Demo"],
  follow_up: ["Follow-up"],
  intro: ["Intro"],
  note: ["Note"],
  other: ["Other"],
};

export const crmEventOutcome = {
  scheduled: ["Scheduled"],
  completed: ["Completed"],
  postponed: ["Postponed"],
  cancelled: ["Cancelled"],
  action_required: ["Action required"],
};
