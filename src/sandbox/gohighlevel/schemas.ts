import { z } from "zod";
import { refuse } from "./answers.ts";

/** Says what zod found in the words of GoHighLevel's validator, one message per finding. */
function messagesOf(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    const field = issue.path.join(".") || "body";
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => `property ${key} should not exist`);
      case "invalid_type":
        return issue.input === undefined ? [`${field} should not be empty`] : [`${field} must be a ${issue.expected}`];
      case "invalid_value":
        return [`${field} must be one of the following values: ${issue.values.join(", ")}`];
      case "too_big":
        return [`${field} must not be greater than ${issue.maximum}`];
      case "too_small":
        return [`${field} must not be less than ${issue.minimum}`];
      default:
        return [`${field}: ${issue.message}`];
    }
  });
}

/** 9: the body or the query against its schema; what does not fit is a 422 with every message. */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true });
  if (!result.success) refuse(422, messagesOf(result.error));
  return result.data;
}

/** Parses a JSON body; an empty one is an empty object, as the framework has it. */
export function parseBody(rawBody: string): unknown {
  if (rawBody === "") return {};
  try {
    return JSON.parse(rawBody);
  } catch {
    refuse(400, "Unexpected token in JSON");
  }
}

/** Query values come as text; parameters that GoHighLevel ignores in silence are dropped here. */
export function queryOf(query: URLSearchParams, ignored: readonly string[]): Record<string, string> {
  return Object.fromEntries([...query].filter(([name]) => !ignored.includes(name)));
}

export const text = z.string();
export const requiredText = z.string().min(1);
export const queryBoolean = z.enum(["true", "false"]).transform((value) => value === "true");
export const queryNumber = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);
