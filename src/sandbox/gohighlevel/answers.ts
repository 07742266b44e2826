/** What the stand-in sends: a body that is JSON unless `contentType` says otherwise. */
export type Answer = { status: number; body: unknown; contentType?: string; headers?: Record<string, string> };

/** A refusal on the way to an answer. Thrown by checks and handlers, turned into a response by the server. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}

const names: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  422: "Unprocessable Entity",
  429: "Too Many Requests",
  500: "Internal Server Error",
};

/** Refuses in the shape of GoHighLevel's framework: `{statusCode, message, error}`; 422 carries a list of messages. */
export function refuse(status: number, message: string | string[], extra: Record<string, unknown> = {}): never {
  throw new Refusal({ status, body: { statusCode: status, message, error: names[status] ?? "Error", ...extra } });
}
