import { z } from "zod";

/** A private integration token that the stand-in accepts. */
export const tokenSchema = z.object({
  token: z.string().min(1),
  /** The locations it opens; `*` opens every one and makes it on first use, for trying the product without an account. */
  locationIds: z.union([z.literal("*"), z.array(z.string())]).default("*"),
  scopes: z.union([z.literal("*"), z.array(z.string())]).default("*"),
  class: z.enum(["location", "agency"]).default("location"),
  state: z.enum(["active", "revoked"]).default("active"),
});

export type Token = z.infer<typeof tokenSchema>;
export type TokenInput = z.input<typeof tokenSchema>;

/** The token that a stand-in accepts when it is given none: it opens every location. */
export const sandboxToken = "pit-sandbox-00000000-0000-4000-8000-000000000000";
