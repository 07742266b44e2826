import { createHash } from "node:crypto";
import type { CustomValueFields, TemplateFields } from "./client.ts";
import { appendToBody, escapeHtml, isHtml, textToHtml } from "./markup.ts";
import { rewriteMergeFields } from "./merge_fields.ts";
import type { Snapshot, Touchpoint } from "./snapshot.ts";

/** Something that a person should know before it goes out; `empty_content` keeps the touchpoint from going out at all. */
export type Finding = { kind: "unknown_merge_field" | "missing_subject" | "empty_content"; detail: string };

/** What is sent for a thing, field by field, with the hash by which it is compared ever after. */
export type Rendered =
  | { kind: "folder"; name: string; hash: string; findings: Finding[] }
  | { kind: "template"; fields: TemplateFields; marker: string; hash: string; findings: Finding[] }
  | { kind: "custom_value"; fields: CustomValueFields; hash: string; findings: Finding[] }
  | { kind: "manual"; hash: string; findings: Finding[] };

export type AssetKind = Rendered["kind"];

/** Which kind of GoHighLevel object a touchpoint becomes; `manual` is what its API cannot make. */
export const assetKinds: Record<Touchpoint["type"], AssetKind> = {
  email: "template",
  sms: "custom_value",
  call: "custom_value",
  task: "custom_value",
  note: "custom_value",
  wait: "manual",
  condition: "manual",
  trigger: "manual",
  form: "manual",
};

const nameLength = 120;

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** Cuts a name by whole characters so that the token at its end always fits. */
function named(name: string, token: string): string {
  const room = nameLength - token.length - 1;
  const characters = Array.from(name.replace(/\s+/g, " ").trim());
  const kept = characters.length > room ? `${characters.slice(0, room - 1).join("")}…` : characters.join("");
  return `${kept} ${token}`;
}

function stepNumber(touchpoint: Touchpoint): string {
  return String(touchpoint.order_index).padStart(2, "0");
}

/** Rewrites texts one by one and collects what GoHighLevel would not merge. */
function createMerger() {
  const unknown = new Set<string>();
  return {
    merge(value: string | null | undefined): string {
      const merged = rewriteMergeFields(value ?? "");
      for (const field of merged.unknown) unknown.add(field);
      return merged.text;
    },
    findings(): Finding[] {
      return [...unknown].map((detail) => ({ kind: "unknown_merge_field", detail }));
    },
  };
}

function asHtml(text: string): string {
  return isHtml(text) ? text : textToHtml(text);
}

/** The HTML of an email: as approved where it has HTML, else built of greeting, body and call to action. */
function emailHtml({ content }: Touchpoint, merge: (text: string | null | undefined) => string): string {
  const written = merge(content.html);
  if (written.trim() !== "") return written;
  const parts = [asHtml(merge(content.greeting)), asHtml(merge(content.body ?? content.text))];
  const label = merge(content.cta?.text);
  const url = merge(content.cta?.url);
  if (label !== "" && url !== "") parts.push(`<p><a href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>`);
  return parts.filter((part) => part.trim() !== "").join("\n");
}

/**
 * Renders the folder that holds a journey's templates.
 *
 * @param token the journey's publish token
 */
export function renderFolder(snapshot: Snapshot, token: string): Extract<Rendered, { kind: "folder" }> {
  const name = named(snapshot.journey.name, token);
  // A folder cannot be renamed through the API, so a new name of the journey changes nothing about it.
  return { kind: "folder", name, hash: hashOf(["folder", token]), findings: [] };
}

/**
 * Renders one touchpoint of an approved version to exactly the fields that are sent. Pure: the same version gives the same
 * fields and hash, always and everywhere.
 *
 * @param snapshot the version
 * @param touchpoint one of its touchpoints
 * @param token the touchpoint's publish token
 * @param remoteName the name that a custom value already has: the key by which messages address it is made of its name, so
 *   it keeps the first one
 */
export function renderTouchpoint(
  snapshot: Snapshot,
  touchpoint: Touchpoint,
  token: string,
  remoteName: string | null = null,
): Rendered {
  const merger = createMerger();
  const { merge } = merger;
  switch (assetKinds[touchpoint.type]) {
    case "template": {
      const html = emailHtml(touchpoint, merge);
      const name = named(`${snapshot.journey.name} · ${stepNumber(touchpoint)} ${touchpoint.name}`, token);
      const subjectLine = merge(touchpoint.content.subject);
      const previewText = merge(touchpoint.content.previewText);
      const hash = hashOf(["template", name, subjectLine, previewText, html]);
      const marker = `<!-- pp:${token}:${hash.slice(0, 8)} -->`;
      const findings = merger.findings();
      if (html.trim() === "") findings.push({ kind: "empty_content", detail: "The email has no text." });
      if (subjectLine.trim() === "") findings.push({ kind: "missing_subject", detail: "The email has no subject." });
      const editorContent = appendToBody(html, marker);
      return {
        kind: "template",
        fields: { name, subjectLine, previewText, editorType: "html", editorContent },
        marker,
        hash,
        findings,
      };
    }
    case "custom_value": {
      const { content } = touchpoint;
      const value = merge(content.text ?? content.body).trim();
      const label = `PP ${snapshot.journey.slug} ${stepNumber(touchpoint)} ${touchpoint.type.toUpperCase()}`;
      const name = remoteName ?? named(label, token);
      const findings = merger.findings();
      if (value === "") findings.push({ kind: "empty_content", detail: `The ${touchpoint.type} has no text.` });
      return { kind: "custom_value", fields: { name, value }, hash: hashOf(["custom_value", value]), findings };
    }
    default:
      return { kind: "manual", hash: hashOf(["manual", touchpoint.type]), findings: [] };
  }
}
