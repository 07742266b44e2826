import { z } from "zod";

/** One endpoint of GoHighLevel's API, under the version that it is known to work with. */
export type Endpoint<T extends z.ZodType> = {
  method: "GET" | "POST" | "PUT" | "PATCH";
  version: "v3" | "2021-07-28";
  scope: string;
  /** Whether calling twice makes two: such a call is never simply repeated. */
  isCreate: boolean;
  /** What is needed of the answer; more is let through, for the specification and the field disagree on the rest. */
  answer: T;
};

const id = z.string().min(1);
const optionalText = z.string().nullish();

const templateAnswer = z.object({ id, name: z.string() });
const customValueAnswer = z.object({
  customValue: z.object({ id, name: z.string(), value: optionalText, fieldKey: optionalText }),
});

const tagAnswer = z.object({ tag: z.object({ id, name: z.string() }) });

export const listedTemplate = z.object({
  id,
  name: z.string(),
  type: z.string(),
  createdAt: optionalText,
  updatedAt: optionalText,
  parentFolderId: optionalText,
});

export const endpoints = {
  listTemplates: {
    method: "GET",
    version: "v3",
    scope: "emails/templates.readonly",
    isCreate: false,
    answer: z.object({ items: z.array(listedTemplate), total: z.number() }),
  },
  createFolder: {
    method: "POST",
    version: "v3",
    scope: "emails/templates.write",
    isCreate: true,
    answer: templateAnswer,
  },
  createTemplate: {
    method: "POST",
    version: "v3",
    scope: "emails/templates.write",
    isCreate: true,
    answer: templateAnswer,
  },
  getTemplate: {
    method: "GET",
    version: "v3",
    scope: "emails/templates.readonly",
    isCreate: false,
    answer: z.object({
      id,
      name: z.string(),
      subject: optionalText,
      previewText: optionalText,
      editorContentUrl: optionalText,
      deleted: z.boolean().nullish(),
      updatedAt: optionalText,
      parentFolderId: optionalText,
    }),
  },
  updateTemplate: {
    method: "PATCH",
    version: "v3",
    scope: "emails/templates.write",
    isCreate: false,
    answer: templateAnswer,
  },
  listCustomValues: {
    method: "GET",
    version: "2021-07-28",
    scope: "locations/customValues.readonly",
    isCreate: false,
    answer: z.object({ customValues: z.array(customValueAnswer.shape.customValue) }),
  },
  createCustomValue: {
    method: "POST",
    version: "2021-07-28",
    scope: "locations/customValues.write",
    isCreate: true,
    answer: customValueAnswer,
  },
  getCustomValue: {
    method: "GET",
    version: "2021-07-28",
    scope: "locations/customValues.readonly",
    isCreate: false,
    answer: customValueAnswer,
  },
  listTags: {
    method: "GET",
    version: "2021-07-28",
    scope: "locations/tags.readonly",
    isCreate: false,
    answer: z.object({ tags: z.array(tagAnswer.shape.tag) }),
  },
  createTag: {
    method: "POST",
    version: "2021-07-28",
    scope: "locations/tags.write",
    isCreate: true,
    answer: tagAnswer,
  },
  listForms: {
    method: "GET",
    version: "2021-07-28",
    scope: "forms.readonly",
    isCreate: false,
    answer: z.object({ forms: z.array(z.object({ id, name: z.string() })) }),
  },
  listWorkflows: {
    method: "GET",
    version: "2021-07-28",
    scope: "workflows.readonly",
    isCreate: false,
    answer: z.object({ workflows: z.array(z.object({ id, name: z.string(), status: optionalText })) }),
  },
  listPipelines: {
    method: "GET",
    version: "2021-07-28",
    scope: "opportunities.readonly",
    isCreate: false,
    answer: z.object({ pipelines: z.array(z.object({ id, name: z.string() })) }),
  },
  updateCustomValue: {
    method: "PUT",
    version: "2021-07-28",
    scope: "locations/customValues.write",
    isCreate: false,
    answer: customValueAnswer,
  },
} satisfies Record<string, Endpoint<z.ZodType>>;

export type EndpointName = keyof typeof endpoints;
export type AnswerOf<N extends EndpointName> = z.output<(typeof endpoints)[N]["answer"]>;
export type ListedTemplate = z.output<typeof listedTemplate>;
