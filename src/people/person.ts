/** A person whom the tenant knows: somebody it writes to, or somebody who signs in. */
import type pg from "pg";

/** A contact by id, or a user by the address that they sign in with. */
export type Subject = { kind: "contact"; id: string } | { kind: "user"; email: string };

export const subjectKinds = ["contact", "user"] as const;

/** Words by which a person is found in texts; short ones say nothing. */
export async function wordsOf(client: pg.ClientBase, tenantId: string, subject: Subject): Promise<string[]> {
  const { rows } = await (subject.kind === "contact"
    ? client.query<{ words: (string | null)[] }>(
        `select array[full_name, email, linkedin_url, phone_number] as words from leadgen.contacts
         where tenant_id = $1 and id = $2`,
        [tenantId, subject.id],
      )
    : client.query<{ words: (string | null)[] }>(
        "select array[email, name] as words from tenancy.users where email = $1",
        [subject.email.trim().toLowerCase()],
      ));
  return (rows[0]?.words ?? []).filter((word): word is string => word !== null && word.trim().length > 3);
}
