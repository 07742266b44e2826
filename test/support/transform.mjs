// Jest sees a TypeScript file as Node does: with its types stripped, nothing else changed (lines and columns stay).
import { createHash } from "node:crypto";
import { stripTypeScriptTypes } from "node:module";

export default {
  process: (text) => ({ code: stripTypeScriptTypes(text, { mode: "strip" }) }),
  getCacheKey: (text) => createHash("sha256").update(`${process.version}\n${text}`).digest("hex"),
};
