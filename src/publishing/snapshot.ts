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
  compliance: z.looseObject({ unsubscribeRequired: z.boolean().nullish() }).nullish().catch(null),
});

/** How a step behaves: the form that GoHighLevel has already, under the names of the old bases, or how long it waits. */
const configSchema = z.looseObject({
  delay: z.union([z.number(), z.string()]).nullish(),
  delayUnit: text,
  delay_unit: text,
  ghl_form_id: text,
  ghlFormId: text,
  formId: text,
  form_id: text,
});

export const touchpointSchema = z.looseObject({
  id: z.uuid(),
  name: z.string(),
  type: z.enum(["email", "sms", "task", "wait", "condition", "trigger", "form", "call", "note"]),
  order_index: z.number().int(),
  day_offset: z.number().nullish(),
  content: contentSchema,
  config: configSchema.nullish().catch(null),
});

/** The immutable version of a journey that was approved: what is published is this, and never the rows as they stand. */
export const snapshotSchema = z.looseObject({
  journey: z.looseObject({
    id: z.uuid(),
    name: z.string(),
    slug: z.string(),
    trigger_config: z.looseObject({ ghl_workflow_id: text, ghlWorkflowId: text }).nullish().catch(null),
  }),
  pipeline: z.looseObject({ name: text, ghl_pipeline_id: text }).nullish(),
  /** Whether it is a template on its own, in the form of a journey of one touchpoint. */
  is_template: z.boolean().nullish(),
  touchpoints: z.array(touchpointSchema),
});

export type Snapshot = z.infer<typeof snapshotSchema>;
export type Touchpoint = z.infer<typeof touchpointSchema>;
