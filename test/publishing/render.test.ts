import { textToHtml } from "../../src/publishing/markup.ts";
import { rewriteMergeFields } from "../../src/publishing/merge_fields.ts";
import { renderFolder, renderTouchpoint } from "../../src/publishing/render.ts";
import { type Snapshot, snapshotSchema } from "../../src/publishing/snapshot.ts";

const journeyId = "0199aa00-0000-7000-8000-000000000001";
const touchpointId = "0199aa00-0000-7000-8000-000000000002";
const token = "ppabcdefghij23";

function snapshotWith(type: string, content: object, name = "Welcome"): Snapshot {
  return snapshotSchema.parse({
    journey: { id: journeyId, name: "Inquiry follow-up", slug: "inquiry-follow-up" },
    touchpoints: [{ id: touchpointId, name, type, order_index: 3, content }],
  });
}

function render(type: string, content: object, remoteName: string | null = null) {
  const snapshot = snapshotWith(type, content);
  const [touchpoint] = snapshot.touchpoints;
  if (touchpoint === undefined) throw new Error("the snapshot has no touchpoint");
  return renderTouchpoint(snapshot, touchpoint, token, remoteName);
}

function renderEmail(content: object) {
  const rendered = render("email", content);
  if (rendered.kind !== "template") throw new Error(`an email became a ${rendered.kind}`);
  return rendered;
}

describe("merge fields are written as GoHighLevel writes them", () => {
  test.each([
    ["{{contact.first_name}}", "{{contact.first_name}}"],
    ["{{contact.firstName}}", "{{contact.first_name}}"],
    ["{{ contact.first_name }}", "{{contact.first_name}}"],
    ["{{first_name}}", "{{contact.first_name}}"],
    ["{{firstName}}", "{{contact.first_name}}"],
    ["{{email}}", "{{contact.email}}"],
    ["{{appointment.start_time}}", "{{appointment.start_time}}"],
    ["{{appointment.startTime}}", "{{appointment.start_time}}"],
    ["{{contact.event_date}}", "{{contact.event_date}}"],
    ["{{location.name}}", "{{location.name}}"],
    ["{{user.firstName}}", "{{user.first_name}}"],
    ["{{custom_values.Venue_Name}}", "{{custom_values.Venue_Name}}"],
    ["{{trigger_link.AbC123}}", "{{trigger_link.AbC123}}"],
    ["Hi {{first_name}} and {{ last_name }}", "Hi {{contact.first_name}} and {{contact.last_name}}"],
  ])("%s becomes %s", (written, expected) => {
    expect(rewriteMergeFields(written)).toEqual({ text: expected, unknown: [] });
  });

  test.each(["{{venue}}", "{{client.name}}", "{{contact.first_name | default: 'you'}}", "{{}}"])(
    "%s is left as it is and named as unknown",
    (written) => {
      expect(rewriteMergeFields(written)).toEqual({ text: written, unknown: [written] });
    },
  );
});

describe("plain text becomes simple markup", () => {
  test.each([
    ["One.\n\nTwo.", "<p>One.</p>\n<p>Two.</p>"],
    ["One\r\ntwo", "<p>One<br>\ntwo</p>"],
    ["\n  Spaced  \n\n\n\nOut\n", "<p>Spaced</p>\n<p>Out</p>"],
    ["a < b & c > d, <3", "<p>a &lt; b &amp; c &gt; d, &lt;3</p>"],
    ["", ""],
  ])("%j becomes %j", (text, html) => {
    expect(textToHtml(text)).toBe(html);
  });
});

describe("an email", () => {
  test("becomes exactly the fields of a template", () => {
    const { fields, marker, findings } = renderEmail({
      subject: "Hello {{first_name}}",
      previewText: "About {{contact.eventDate}}",
      greeting: "Dear {{first_name}},",
      body: "Thank you.\n\nSee you soon.",
      cta: { text: "Book a tour", url: "https://example.com/?a=1&b=2" },
    });
    const html = [
      "<p>Dear {{contact.first_name}},</p>",
      "<p>Thank you.</p>\n<p>See you soon.</p>",
      '<p><a href="https://example.com/?a=1&amp;b=2">Book a tour</a></p>',
    ].join("\n");
    expect(fields).toEqual({
      name: `Inquiry follow-up · 03 Welcome ${token}`,
      subjectLine: "Hello {{contact.first_name}}",
      previewText: "About {{contact.event_date}}",
      editorType: "html",
      editorContent: `${html}\n${marker}`,
    });
    expect(findings).toEqual([]);
  });

  test("keeps its HTML as it was approved, with the marker inside the body", () => {
    const html = '<html><body style="margin:0"><p>Ünïcode 💐</p>\n</BODY></html>';
    const { fields, marker } = renderEmail({ subject: "S", html });
    expect(fields.editorContent).toBe(html.replace("</BODY>", `${marker}\n</BODY>`));
  });

  test("keeps HTML that stands in its body", () => {
    const { fields, marker } = renderEmail({ subject: "S", body: "<p>One</p>" });
    expect(fields.editorContent).toBe(`<p>One</p>\n${marker}`);
  });

  test("has a marker made of its token and the hash of what is sent", () => {
    const { marker, hash } = renderEmail({ subject: "S", body: "B" });
    expect(marker).toBe(`<!-- pp:${token}:${hash.slice(0, 8)} -->`);
  });

  test("has one hash per content, whatever else the content object holds", () => {
    const first = renderEmail({ subject: "S", body: "B" });
    expect(renderEmail({ body: "B", subject: "S", unlayerDesign: { rows: [] } })).toEqual(first);
    for (const other of [
      { subject: "T", body: "B" },
      { subject: "S", body: "C" },
      { subject: "S", body: "B", previewText: "P" },
    ]) {
      expect(renderEmail(other).hash).not.toBe(first.hash);
    }
  });

  test("reports unknown merge fields, a missing subject and a missing text", () => {
    expect(renderEmail({ body: "{{venue}}" }).findings).toEqual([
      { kind: "unknown_merge_field", detail: "{{venue}}" },
      { kind: "missing_subject", detail: "The email has no subject." },
    ]);
    expect(renderEmail({ subject: "S" }).findings).toEqual([
      { kind: "empty_content", detail: "The email has no text." },
    ]);
  });

  test("survives 300 kB of HTML with images inside", () => {
    const html = `<p>${"x".repeat(300_000)}</p><img src="data:image/png;base64,AAAA">`;
    expect(renderEmail({ subject: "S", html }).fields.editorContent).toContain(html);
  });
});

test("a long name is cut by whole characters, and its token never", () => {
  const snapshot = snapshotWith("email", { subject: "S", body: "B" }, "💐".repeat(200));
  const rendered = snapshot.touchpoints[0] && renderTouchpoint(snapshot, snapshot.touchpoints[0], token);
  const name = rendered?.kind === "template" ? rendered.fields.name : "";
  expect(Array.from(name)).toHaveLength(120);
  expect(name.endsWith(`💐… ${token}`)).toBe(true);
});

test.each(["sms", "call", "task", "note"])("a %s becomes a custom value", (type) => {
  expect(render(type, { body: " Hi {{first_name}} " })).toMatchObject({
    kind: "custom_value",
    fields: { name: `PP inquiry-follow-up 03 ${type.toUpperCase()} ${token}`, value: "Hi {{contact.first_name}}" },
  });
});

test("a custom value keeps the name it was created with, and its hash is of the text alone", () => {
  const first = render("sms", { body: "Hi" });
  const renamed = render("sms", { body: "Hi" }, "PP old-name 01 SMS pp");
  expect(renamed).toMatchObject({ fields: { name: "PP old-name 01 SMS pp", value: "Hi" }, hash: first.hash });
});

test.each(["wait", "condition", "trigger", "form"])("a %s is for a person to set up", (type) => {
  expect(render(type, {}).kind).toBe("manual");
});

test("a journey's folder is named after it and hashed by its token alone, for it cannot be renamed", () => {
  const snapshot = snapshotWith("email", {});
  const folder = renderFolder(snapshot, token);
  expect(folder.name).toBe(`Inquiry follow-up ${token}`);
  const renamed = { ...snapshot, journey: { ...snapshot.journey, name: "Other" } };
  expect(renderFolder(renamed, token).hash).toBe(folder.hash);
});
