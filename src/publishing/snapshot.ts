import { z } from "zod";

const text = z.string().nullish();

/** What publishing reads of a touchpoint's content; the rest of the object is the editor's own affair. */
export const contentSchema = z.looseObject({
  subject: text,
  previewText: text,
  greeting: text,
  body: text,
  text,
  html: text,
  cta: z.looseObject({ text, url: text }).nullish(),
});

export const touchpointSchema = z.looseObject({
  id: z.uuid(),
  name: z.string(),
  type: z.enum(["email", "sms", "task", "wait", "condition", "trigger", "form", "call", "note"]),
  order_index: z.number().int(),
  content: contentSchema,
});

/** The immutable version of a journey that was approved: what is published is this, and never the rows as they stand. */
export const snapshotSchema = z.looseObject({
  journey: z.looseObject({ id: z.uuid(), name: z.string(), slug: z.string() }),
  touchpoints: z.array(touchpointSchema),
});

export type Snapshot = z.infer<typeof snapshotSchema>;
export type Touchpoint = z.infer<typeof touchpointSchema>;
