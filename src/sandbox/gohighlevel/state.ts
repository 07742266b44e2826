import { z } from "zod";

/**
 * What a pretended GoHighLevel account holds. Field names are ours where GoHighLevel itself says one thing in two ways
 * (`subjectLine` in requests, `subject` in answers); the routes translate.
 */
const templateSchema = z.object({
  id: z.string(),
  locationId: z.string(),
  type: z.enum(["template", "folder"]),
  name: z.string(),
  editorType: z.enum(["html", "text", "builder"]),
  editorContent: z.string(),
  subjectLine: z.string(),
  previewText: z.string(),
  fromName: z.string(),
  fromEmail: z.string(),
  parentFolderId: z.string().nullable(),
  archived: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
  /** Milliseconds since 1970 before which lists and searches do not show the row: a search index that lags. */
  listedFrom: z.number(),
});

const customValueSchema = z.object({
  id: z.string(),
  locationId: z.string(),
  name: z.string(),
  value: z.string(),
  fieldKey: z.string(),
  listedFrom: z.number(),
});

const tagSchema = z.object({ id: z.string(), locationId: z.string(), name: z.string() });

const workflowSchema = z.object({
  id: z.string(),
  locationId: z.string(),
  name: z.string(),
  status: z.string(),
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

const pipelineSchema = z.object({
  id: z.string(),
  locationId: z.string(),
  name: z.string(),
  stages: z.array(z.object({ id: z.string(), name: z.string(), position: z.number() })),
  showInFunnel: z.boolean(),
  showInPieChart: z.boolean(),
});

const formSchema = z.object({ id: z.string(), locationId: z.string(), name: z.string() });

const snippetSchema = z.object({
  id: z.string(),
  locationId: z.string(),
  name: z.string(),
  type: z.enum(["sms", "email", "whatsapp"]),
  body: z.string(),
  dateAdded: z.string(),
});

const locationSchema = z.object({ id: z.string(), name: z.string(), timezone: z.string() });

export const stateSchema = z.object({
  /** Counts everything ever made, so that ids are the same in every run of one script. */
  made: z.number().default(0),
  locations: z.array(locationSchema).default([]),
  templates: z.array(templateSchema).default([]),
  customValues: z.array(customValueSchema).default([]),
  tags: z.array(tagSchema).default([]),
  workflows: z.array(workflowSchema).default([]),
  pipelines: z.array(pipelineSchema).default([]),
  forms: z.array(formSchema).default([]),
  snippets: z.array(snippetSchema).default([]),
});

export type State = z.infer<typeof stateSchema>;
export type Template = z.infer<typeof templateSchema>;
export type CustomValue = z.infer<typeof customValueSchema>;

/** An account with nothing in it. */
export function emptyState(): State {
  return stateSchema.parse({});
}
