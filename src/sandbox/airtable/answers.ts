/** What goes back: a status and JSON text, or other bytes. */
export interface Answer {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** A refusal in Airtable's shapes: `{error: {type, message}}`, without a message `{error: {type}}`. */
export class Refusal extends Error {
  readonly answer: Answer;
  constructor(status: number, type: string, message?: string) {
    super(message ?? type);
    this.answer = { status, body: JSON.stringify({ error: { type, message } }) };
  }
}

export function refuse(status: number, type: string, message?: string): never {
  throw new Refusal(status, type, message);
}

export function json(body: unknown): Answer {
  return { status: 200, body: JSON.stringify(body) };
}

/** Some refusals are a bare string: `{error: "NOT_FOUND"}`. */
export const unknownAddress: Answer = { status: 404, body: '{"error":"NOT_FOUND"}' };

export function refuseModel(): never {
  return refuse(
    403,
    "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
    "Invalid permissions, or the requested model was not found. Check that both your user and your token have the required permissions, and that the model names and/or ids are correct.",
  );
}
