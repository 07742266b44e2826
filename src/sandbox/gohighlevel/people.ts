import { z } from "zod";
import { refuse } from "./answers.ts";
import type { Clock } from "./clock.ts";
import type { Store } from "./store.ts";
import type { Tokens } from "./tokens.ts";

/**
 * What happens to an account without any call of ours: people work in GoHighLevel's screens, and tokens are revoked there.
 * `name` picks the objects whose name holds it.
 */
export const deedSchema = z.discriminatedUnion("deed", [
  z.object({
    deed: z.literal("edit"),
    name: z.string(),
    subjectLine: z.string().optional(),
    editorContent: z.string().optional(),
    value: z.string().optional(),
  }),
  z.object({ deed: z.literal("rename"), name: z.string(), to: z.string() }),
  z.object({ deed: z.literal("delete"), name: z.string() }),
  z.object({ deed: z.literal("duplicate"), name: z.string() }),
  z.object({ deed: z.literal("revoke-token"), token: z.string() }),
  z.object({ deed: z.literal("expire-token"), token: z.string() }),
  z.object({ deed: z.literal("shrink-scope"), token: z.string(), scopes: z.array(z.string()) }),
  z.object({ deed: z.literal("close-location"), token: z.string() }),
]);

export type Deed = z.infer<typeof deedSchema>;

/** Does it, and says how many objects it met. */
export function doDeed(deed: Deed, { store, clock, tokens }: { store: Store; clock: Clock; tokens: Tokens }): number {
  switch (deed.deed) {
    case "revoke-token":
      return changeToken(tokens, deed.token, { state: "revoked" });
    case "expire-token":
      return changeToken(tokens, deed.token, { expiresAt: clock.now() });
    case "shrink-scope":
      return changeToken(tokens, deed.token, { scopes: deed.scopes });
    case "close-location":
      return changeToken(tokens, deed.token, { locationIds: [] });
  }
  return store.commit((state) => {
    const now = new Date(clock.now()).toISOString();
    const templates = state.templates.filter((row) => row.name.includes(deed.name));
    const values = state.customValues.filter((row) => row.name.includes(deed.name));
    switch (deed.deed) {
      case "edit":
        for (const row of templates) {
          row.subjectLine = deed.subjectLine ?? row.subjectLine;
          row.editorContent = deed.editorContent ?? row.editorContent;
          row.updatedAt = now;
        }
        for (const row of values) row.value = deed.value ?? row.value;
        break;
      case "rename":
        for (const row of templates) Object.assign(row, { name: deed.to, updatedAt: now });
        for (const row of values) row.name = deed.to;
        break;
      case "delete":
        state.templates = state.templates.filter((row) => !templates.includes(row));
        state.customValues = state.customValues.filter((row) => !values.includes(row));
        break;
      case "duplicate":
        for (const row of templates) {
          state.templates.push({ ...row, id: store.nextId("objectId"), createdAt: now, updatedAt: now });
        }
        for (const row of values) state.customValues.push({ ...row, id: store.nextId("short") });
    }
    return templates.length + values.length;
  });
}

function changeToken(tokens: Tokens, token: string, change: Parameters<Tokens["change"]>[1]): number {
  if (tokens.change(token, change) === undefined) refuse(422, ["no such token"]);
  return 1;
}
