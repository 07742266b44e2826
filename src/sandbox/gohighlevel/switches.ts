import { z } from "zod";

/**
 * Where GoHighLevel's specification, its documentation and reports from the field disagree, or where nobody knows: one switch
 * each. The defaults are what has been seen in the field.
 */
export const switchesSchema = z.strictObject({
  /** The most rows of one page: the specification says 20, a live refusal said 50. */
  listLimit: z.union([z.literal(20), z.literal(50)]).default(20),
  /** Whether the old builder insists on `importProvider`, as its specification does and the field does not. */
  importProvider: z.enum(["optional", "required"]).default("optional"),
  /** What a second custom value of one name meets; nobody knows. */
  duplicateCustomValues: z.enum(["allow", "refuse"]).default("allow"),
  /** What a partial update does to what it does not name. */
  partialUpdate: z.enum(["revert", "keep"]).default("revert"),
  /** The status of a call with an unknown version. */
  unknownVersion: z.union([z.literal(400), z.literal(401)]).default(400),
  /** The form of a 429's body. */
  rateBody: z.enum(["json", "html", "empty"]).default("json"),
  /** Whether a 429 says `Retry-After`, which no documentation promises. */
  retryAfter: z.boolean().default(false),
  /** How `X-RateLimit-Daily-Reset` counts: both have been reported. */
  dailyReset: z.enum(["duration", "epoch", "nonsense"]).default("duration"),
  /** Whether a search shows folders too. */
  searchFolders: z.boolean().default(false),
  /** Whether the edge turns away callers that look like a library. */
  strictUserAgent: z.boolean().default(true),
  /** How long answers take: log-normal with this median, in milliseconds; 0 answers at once. */
  latencyMs: z.number().int().min(0).default(0),
});

export type Switches = z.infer<typeof switchesSchema>;
export type SwitchesInput = z.input<typeof switchesSchema>;

export function defaultSwitches(): Switches {
  return switchesSchema.parse({});
}
