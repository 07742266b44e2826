/** A change that is sent twice under one key is made once: what a frontend needs to try again when it heard nothing. */
import { createHash } from "node:crypto";
import type { RequestHandler } from "express";
import type pg from "pg";
import { type Identity, withIdentity } from "../database/with_identity.ts";
import type { ErrorCatalog, WordedError } from "./errors.ts";
import { factsOf } from "./operations.ts";
import { currentRequest, type KeyedChange } from "./request.ts";

const KEY = /^[\x21-\x7e]{1,200}$/;

/** Longest answer that is kept word for word, in bytes; a longer one is made again from what the change gave. */
const LONGEST_ANSWER = 100_000;

/**
 * Looks for the header Idempotency-Key. An answer that was kept under it is given again; else the change is made under the key, by
 * IdempotencyPlugin. Sign-ins and whatever gives a secret are not kept, and go on as if there were no key.
 *
 * @param pool connections as the authenticator
 * @param refuse how an error is answered
 */
export function repeatAnswers(
  pool: pg.Pool,
  errors: ErrorCatalog,
  refuse: (res: Parameters<RequestHandler>[1], error: WordedError) => void,
): RequestHandler {
  return async (req, res, next) => {
    const request = currentRequest();
    const key = req.headers["idempotency-key"];
    const { query, variables, operationName } = req.body;
    const { isKeyed, isOneChange } = factsOf(query);
    if (key === undefined || request?.caller.kind !== "user" || !isKeyed) return next();
    if (typeof key !== "string" || !KEY.test(key)) {
      const wayOut = "Send 1 to 200 letters, digits and signs, such as a UUID.";
      return refuse(res, errors.word("LF914", "it is too long, or has characters that a key cannot have", wayOut));
    }
    if (!isOneChange) {
      return refuse(
        res,
        errors.word("LF914", "the document makes more than one change", "Send each change by itself."),
      );
    }
    const requestHash = createHash("sha256")
      .update(stable({ query, variables: variables ?? {}, operationName: operationName ?? null }))
      .digest();
    const kept = await keptAnswer(pool, request.caller, key, requestHash);
    if (kept === "reused") return refuse(res, errors.word("LF913"));
    if (kept !== null) {
      res.setHeader("idempotency-replayed", "true");
      res.type("application/json").send(kept);
      return;
    }
    request.change = { key, requestHash, isMade: false };
    next();
  };
}

async function keptAnswer(
  pool: pg.Pool,
  caller: Identity,
  key: string,
  requestHash: Buffer,
): Promise<string | null | "reused"> {
  try {
    return await withIdentity(pool, caller, async (client) => {
      const { rows } = await client.query<{ answer: string | null }>("select app.kept_answer($1, $2) as answer", [
        key,
        requestHash,
      ]);
      return rows[0]?.answer ?? null;
    });
  } catch (error) {
    if ((error as { code?: string }).code === "LF913") return "reused";
    throw error;
  }
}

/**
 * Keeps an answer for whoever sends the same again.
 *
 * @param answer the body, word for word
 */
export async function keepAnswer(pool: pg.Pool, caller: Identity, change: KeyedChange, answer: Buffer): Promise<void> {
  if (answer.length > LONGEST_ANSWER) return;
  await withIdentity(pool, caller, (client) =>
    client.query("select app.keep_answer($1, $2, $3)", [change.key, change.requestHash, answer.toString("utf8")]),
  );
}

/** JSON whose text does not depend on the order of keys. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
