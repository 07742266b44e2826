import { z } from "zod";
import type { Pace, SourceSchema } from "./source.ts";

/** Airtable's metadata shape, as its API answers and as a snapshot's schema.json holds it. Fields and tables may grow keys. */
const metadataSchema = z.object({
  /** Written by snapshots, so that a folder and the live base are known to be one source. */
  baseId: z
    .string()
    .regex(/^app\w+$/)
    .optional(),
  tables: z
    .array(
      z.object({
        id: z.string(),
        name: z.string(),
        fields: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            type: z.string(),
            options: z.object({ choices: z.array(z.object({ name: z.string() })).optional() }).nullish(),
          }),
        ),
      }),
    )
    .min(1),
});

/** Airtable gives at most a hundred records a call, and takes at most five calls a second for each base. */
export const airtablePace: Pace = { recordsPerCall: 100, callsPerSecond: 5 };

export interface AirtableSchema extends SourceSchema {
  baseId: string | null;
}

/**
 * Reads Airtable's metadata.
 *
 * @param json the parsed answer of `GET /v0/meta/bases/{base}/tables`, or a snapshot's schema.json
 * @returns null where it has another shape
 */
export function readAirtableSchema(json: unknown): AirtableSchema | null {
  const parsed = metadataSchema.safeParse(json);
  if (!parsed.success) return null;
  return {
    baseId: parsed.data.baseId ?? null,
    collections: parsed.data.tables.map((table) => ({
      id: table.id,
      name: table.name,
      fields: table.fields.map((field) => ({
        id: field.id,
        name: field.name,
        kind: field.type,
        options: field.options?.choices?.map((choice) => choice.name) ?? null,
      })),
    })),
  };
}
