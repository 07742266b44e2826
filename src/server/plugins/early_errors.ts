import "postgraphile";
import { type ErrorCatalog, withoutSuggestions } from "../errors.ts";
import { currentRequest } from "../request.ts";

interface Payload {
  errors: { message: string; extensions?: Record<string, unknown> }[];
}

/**
 * Gives a code and a way out to the errors that come before execution (syntax, validation, headers), which never pass maskError.
 *
 * @param catalog where LF900 (invalid_request) is worded
 * @param isIntrospectable whether an error may suggest names of the schema
 */
export function earlyErrorsPlugin(catalog: ErrorCatalog, isIntrospectable: boolean): GraphileConfig.Plugin {
  const wordingOf = (message: string) => (isIntrospectable ? message : withoutSuggestions(message));
  return {
    name: "EarlyErrorsPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        async processRequest(next) {
          const result = await next();
          // An answer without data begins with its errors; all others are left as they are.
          if (result?.type !== "buffer" || !result.buffer.subarray(0, 10).equals(Buffer.from('{"errors":')))
            return result;
          const payload = JSON.parse(result.buffer.toString("utf8")) as Payload;
          const request = currentRequest();
          const requestId = request?.id;
          if (request?.tally?.outcome === "ok") request.tally.outcome = result.statusCode >= 500 ? "failed" : "refused";
          for (const error of payload.errors) {
            if (error.extensions?.code !== undefined) continue;
            const { message, extensions } =
              result.statusCode >= 500
                ? catalog.word("LF905", requestId ?? "")
                : catalog.word("LF900", wordingOf(error.message));
            error.message = message;
            error.extensions = { ...extensions, ...(requestId ? { requestId } : {}) };
          }
          const buffer = Buffer.from(JSON.stringify(payload), "utf8");
          return { ...result, buffer, headers: { ...result.headers, "content-length": String(buffer.length) } };
        },
      },
    },
  };
}
