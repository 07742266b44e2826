import { z } from "zod";
import type { Pace, SourceSchema } from "./source.ts";

/** What fields say about themselves, as far as a reader asks; they may grow keys. */
const optionsSchema = z.object({
  choices: z.array(z.object({ name: z.string() })).optional(),
  linkedTableId: z.string().optional(),
  formula: z.string().optional(),
  symbol: z.string().optional(),
  dateFormat: z.object({ name: z.string() }).optional(),
  timeZone: z.string().optional(),
  get result() {
    return z.object({ type: z.string().optional(), options: optionsSchema.nullish() }).nullish();
  },
});

const fieldSchema = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  options: optionsSchema.nullish(),
});

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
        primaryFieldId: z.string().optional(),
        fields: z.array(fieldSchema),
      }),
    )
    .min(1),
});

/** What nobody types in: it changes when something else does. */
const computedTypes = new Set([
  "aiText",
  "autoNumber",
  "button",
  "count",
  "createdBy",
  "createdTime",
  "externalSyncSource",
  "formula",
  "lastModifiedBy",
  "lastModifiedTime",
  "lookup",
  "multipleLookupValues",
  "rollup",
]);

export type AirtableField = z.infer<typeof fieldSchema>;
export type AirtableTable = z.infer<typeof metadataSchema>["tables"][number];

/** Airtable gives at most a hundred records a call, and takes at most five calls a second for each base. */
export const airtablePace: Pace = { recordsPerCall: 100, callsPerSecond: 5 };

export interface AirtableSchema extends SourceSchema {
  baseId: string | null;
  /** The tables as the metadata has them; `collections` says the same in the words of all readers. */
  tables: AirtableTable[];
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
    tables: parsed.data.tables,
    collections: parsed.data.tables.map((table) => ({
      id: table.id,
      name: table.name,
      fields: table.fields.map((field) => ({
        id: field.id,
        name: field.name,
        kind: field.type,
        options: field.options?.choices?.map((choice) => choice.name) ?? null,
        ...(computedTypes.has(field.type) ? { isComputed: true } : {}),
      })),
    })),
  };
}
