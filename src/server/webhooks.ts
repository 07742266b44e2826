import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { Router, raw } from "express";
import type pg from "pg";
import type { Logger } from "pino";
import { z } from "zod";
import type { MountedRouter } from "./app.ts";
import type { ErrorCatalog } from "./errors.ts";

/** Webhooks that are older or newer than this are replays, or come from a clock that is wrong. */
const WINDOW_MS = 5 * 60 * 1_000;
const MAX_WEBHOOK_BYTES = 1_000_000;

/** Only the part that is kept; what the event holds stays outside. */
const webhookSchema = z.object({
  type: z.string().min(1).max(100),
  webhookId: z.string().min(1).max(200),
  timestamp: z.union([z.iso.datetime({ offset: true }), z.number()]),
  locationId: z.string().max(200).nullish(),
});

/** A key as PEM, or as the base64 of its SPKI form. */
function readKey(text: string): KeyObject {
  if (text.includes("BEGIN PUBLIC KEY")) return createPublicKey(text);
  return createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" });
}

export interface WebhookSources {
  /** Connections as the authenticator. */
  pool: pg.Pool;
  errors: ErrorCatalog;
  log: Logger;
  /** GHL_WEBHOOK_PUBLIC_KEY; without it no webhook is taken. */
  publicKey: string | undefined;
}

/**
 * `POST /webhooks/ghl`: what GoHighLevel tells of its own accord. Taken is only what is signed by Ed25519 over the raw body in
 * `X-GHL-Signature`, and recent, and new; it is queued, and nothing depends on it.
 *
 * @throws where the key cannot be read
 */
export function webhooks({ pool, errors, log, publicKey }: WebhookSources): MountedRouter {
  const key = publicKey === undefined ? null : readKey(publicKey);
  const router = Router();
  router.post("/ghl", raw({ type: () => true, limit: MAX_WEBHOOK_BYTES }), async (req, res) => {
    const refuse = (code: string) => {
      const { message, extensions } = errors.word(code);
      res.status(errors.httpStatus(code)).json({ errors: [{ message, extensions }] });
    };
    if (key === null) return refuse("LF310");
    const body: unknown = req.body;
    const signature = req.get("x-ghl-signature");
    const isGenuine =
      Buffer.isBuffer(body) && signature !== undefined && verify(null, body, key, Buffer.from(signature, "base64"));
    if (!isGenuine) return refuse("LF311");
    const webhook = webhookSchema.safeParse(parseJson(body.toString("utf8"))).data;
    if (webhook === undefined || Math.abs(Date.now() - new Date(webhook.timestamp).getTime()) > WINDOW_MS) {
      return refuse("LF312");
    }
    const { rows } = await pool.query<{ is_new: boolean }>("select app.receive_webhook($1, $2, $3) as is_new", [
      webhook.webhookId,
      webhook.type,
      webhook.locationId ?? null,
    ]);
    const isNew = rows[0]?.is_new === true;
    log.info({ webhookId: webhook.webhookId, kind: webhook.type, isNew }, "a webhook came");
    res.status(200).json({ isNew });
  });
  return { path: "/webhooks", router };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
