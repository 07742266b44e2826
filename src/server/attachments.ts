import { pipeline } from "node:stream";
import { Router } from "express";
import type pg from "pg";
import { z } from "zod";
import { withIdentity } from "../database/with_identity.ts";
import type { FileStore } from "../imports/files/file_store.ts";
import type { MountedRouter } from "./app.ts";
import { currentRequest } from "./request.ts";

/**
 * `GET /attachments/<id>`: the file of a row of imports.attachments, for whoever may see that row; to everybody else there is none.
 *
 * @param pool connections as the authenticator
 * @param store where imports keep files
 */
export function serveAttachments(pool: pg.Pool, store: FileStore): MountedRouter {
  const router = Router();
  router.get("/:id", async (request, response, next) => {
    const id = z.uuid().safeParse(request.params.id);
    const caller = currentRequest()?.caller;
    if (!id.success || caller?.kind !== "user" || caller.role === "client") return next();
    const { rows } = await withIdentity(pool, caller, (client) =>
      client.query<{ file_name: string; sha256: Buffer; byte_size: string }>(
        "select file_name, sha256, byte_size from imports.attachments where tenant_id = $1 and id = $2 and sha256 is not null",
        [caller.tenantId, id.data],
      ),
    );
    const [file] = rows;
    const body = file && (await store.read(file.sha256));
    if (!body) return next();
    // As bytes to be saved, whatever they say they are: a page or a picture that runs scripts must not run them here.
    response.attachment(file.file_name).set({
      "content-type": "application/octet-stream",
      "content-length": file.byte_size,
      "cache-control": "private, max-age=3600",
      etag: `"${file.sha256.toString("hex")}"`,
    });
    // Where it breaks off, or turns out to be another one, the connection is cut: no answer looks whole that is not.
    pipeline(body, response, (error) => {
      if (error) request.log.warn({ err: error, attachmentId: id.data }, "an attachment was not served to its end");
    });
  });
  return { path: "/attachments", router };
}
