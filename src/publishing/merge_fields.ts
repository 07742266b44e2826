/** Every contact field that GoHighLevel merges by itself; a bare `{{first_name}}` of the old bases means the contact's. */
const contactFields = new Set([
  "name",
  "first_name",
  "last_name",
  "full_name",
  "email",
  "phone",
  "phone_raw",
  "company_name",
  "full_address",
  "address1",
  "city",
  "state",
  "country",
  "postal_code",
  "timezone",
  "date_of_birth",
  "source",
  "website",
  "id",
  "unsubscribe_link",
]);

/** The first words of the merge fields that GoHighLevel knows; what follows the first two is the account's own. */
const roots = new Set([
  "contact",
  "appointment",
  "user",
  "location",
  "calendar",
  "message",
  "campaign",
  "opportunity",
  "inboundwebhookrequest",
  "right_now",
  "custom_values",
  "trigger_link",
]);

/** After these, the rest is a key that somebody chose: its spelling is kept. */
const keyed = new Set(["custom_values", "trigger_link", "inboundwebhookrequest"]);

const mergeField = /\{\{\s*([^{}]*?)\s*\}\}/g;
const path = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)*$/;

function snakeCase(word: string): string {
  return word.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
}

/** GoHighLevel's spelling of a merge field's inside, or null where it is none that GoHighLevel knows. */
function translate(field: string): string | null {
  if (!path.test(field)) return null;
  const [first = "", ...rest] = field.split(".");
  const root = snakeCase(first);
  if (rest.length === 0) return contactFields.has(root) ? `contact.${root}` : null;
  if (!roots.has(root)) return null;
  return [root, ...(keyed.has(root) ? rest : rest.map(snakeCase))].join(".");
}

export type MergedText = {
  text: string;
  /** Merge fields that GoHighLevel does not know and would print as nothing; they are left as they were. */
  unknown: string[];
};

/**
 * Rewrites the merge fields of the old bases (`{{first_name}}`, `{{contact.firstName}}`, `{{ contact.first_name }}`) as
 * GoHighLevel writes them: `{{contact.first_name}}`.
 */
export function rewriteMergeFields(text: string): MergedText {
  const unknown = new Set<string>();
  const rewritten = text.replace(mergeField, (whole, field: string) => {
    const translated = translate(field);
    if (translated !== null) return `{{${translated}}}`;
    unknown.add(whole);
    return whole;
  });
  return { text: rewritten, unknown: [...unknown] };
}
