import { createHash } from "node:crypto";
import type { CustomValueFields, TemplateFields } from "./client.ts";
import { appendToBody, escapeHtml, isHtml, textToHtml } from "./markup.ts";
import { rewriteMergeFields } from "./merge_fields.ts";
import { measureSms } from "./sms.ts";
import type { Snapshot, Touchpoint } from "./snapshot.ts";

/** Something that a person should know before it goes out; `empty_content` keeps the touchpoint from going out at all. */
export type Finding = {
  kind:
    | "unknown_merge_field"
    | "unknown_custom_value"
    | "missing_subject"
    | "missing_unsubscribe"
    | "sms_segments"
    | "empty_content";
  detail: string;
};

/** What people make in GoHighLevel and a journey only names. */
export type LinkTarget = "form" | "pipeline" | "workflow";

/** What is sent for a thing, field by field, with the hash by which it is compared ever after. */
export type Rendered =
  | { kind: "folder"; name: string; hash: string; findings: Finding[] }
  | { kind: "template"; fields: TemplateFields; marker: string; hash: string; findings: Finding[] }
  | { kind: "custom_value"; fields: CustomValueFields; hash: string; findings: Finding[] }
  | { kind: "tag"; name: string; hash: string; findings: Finding[] }
  | { kind: "link"; target: LinkTarget; id: string; hash: string; findings: Finding[] }
  | { kind: "manual"; hash: string; findings: Finding[] };

export type AssetKind = Rendered["kind"];

/** Which kind of GoHighLevel object a touchpoint becomes; `manual` is what its API cannot make, and a form may be linked. */
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

/** The form that a step shows, where it names one that GoHighLevel has. */
function formOf({ config }: Touchpoint): string | null {
  const id = config?.ghl_form_id ?? config?.ghlFormId ?? config?.formId ?? config?.form_id;
  return id ? id : null;
}

/** HTML is sent as it was approved; mended is only what would swallow all that follows it, or what is no character. */
function whole(html: string): string {
  const isOpen = html.lastIndexOf("<!--") > html.lastIndexOf("-->");
  return (isOpen ? `${html}-->` : html).toWellFormed();
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

/** The tag that starts a journey's workflow. It keeps its first name, which the workflow waits for; GoHighLevel has tags in lower case. */
export function renderTag(slug: string, remoteName: string | null): Extract<Rendered, { kind: "tag" }> {
  return { kind: "tag", name: remoteName ?? `journey:${slug}`.toLowerCase(), hash: hashOf(["tag"]), findings: [] };
}

/** Something that is there already, by its id. */
export function renderLink(target: LinkTarget, id: string): Extract<Rendered, { kind: "link" }> {
  return { kind: "link", target, id, hash: hashOf(["link", target, id]), findings: [] };
}

/** What is sent, as people call its fields, and without what we add to find it again. */
export function readableFields(rendered: Rendered): Record<string, string> {
  switch (rendered.kind) {
    case "template": {
      const { name, subjectLine, previewText, editorContent } = rendered.fields;
      const body = editorContent.replace(rendered.marker, "").trim();
      return { name, subject: subjectLine, preview: previewText, body };
    }
    case "custom_value":
      return { name: rendered.fields.name, text: rendered.fields.value };
    case "link":
      return { [rendered.target]: rendered.id };
    case "folder":
    case "tag":
      return { name: rendered.name };
    case "manual":
      return {};
  }
}

/** What GoHighLevel would merge of the location's own values, by their keys. */
export function customValueKeys(rendered: Rendered): string[] {
  const texts =
    rendered.kind === "template"
      ? [rendered.fields.subjectLine, rendered.fields.previewText, rendered.fields.editorContent]
      : rendered.kind === "custom_value"
        ? [rendered.fields.value]
        : [];
  const keys = texts.flatMap((text) =>
    [...text.matchAll(/\{\{custom_values\.([^{}]+)\}\}/g)].map(([, key = ""]) => key),
  );
  return [...new Set(keys)];
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
      const place = snapshot.is_template === true ? "" : `${snapshot.journey.name} · ${stepNumber(touchpoint)} `;
      const name = named(`${place}${touchpoint.name}`, token);
      const subjectLine = merge(touchpoint.content.subject);
      const previewText = merge(touchpoint.content.previewText);
      const hash = hashOf(["template", name, subjectLine, previewText, html]);
      const marker = `<!-- pp:${token}:${hash.slice(0, 8)} -->`;
      const findings = merger.findings();
      if (html.trim() === "") findings.push({ kind: "empty_content", detail: "The email has no text." });
      if (subjectLine.trim() === "") findings.push({ kind: "missing_subject", detail: "The email has no subject." });
      if (touchpoint.content.compliance?.unsubscribeRequired === true && !/unsubscribe/i.test(html)) {
        findings.push({
          kind: "missing_unsubscribe",
          detail: "The email has no unsubscribe link, and says it needs one.",
        });
      }
      const editorContent = appendToBody(whole(html), marker);
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
      const step = snapshot.is_template === true ? "" : `${stepNumber(touchpoint)} `;
      const label = `PP ${snapshot.journey.slug} ${step}${touchpoint.type.toUpperCase()}`;
      const name = remoteName ?? named(label, token);
      const findings = merger.findings();
      if (value === "") findings.push({ kind: "empty_content", detail: `The ${touchpoint.type} has no text.` });
      if (touchpoint.type === "sms") {
        const { encoding, length, segments } = measureSms(value);
        const detail = `${segments} segments: ${length} characters in ${encoding === "gsm7" ? "GSM-7" : "UCS-2"}`;
        if (segments > 1) findings.push({ kind: "sms_segments", detail });
      }
      return { kind: "custom_value", fields: { name, value }, hash: hashOf(["custom_value", value]), findings };
    }
    default: {
      const formId = touchpoint.type === "form" ? formOf(touchpoint) : null;
      if (formId !== null) return renderLink("form", formId);
      return { kind: "manual", hash: hashOf(["manual", touchpoint.type]), findings: [] };
    }
  }
}
