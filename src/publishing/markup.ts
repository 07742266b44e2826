const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** An element that a writer of HTML uses; a lone `<3` or `a < b` does not make a text HTML. */
const htmlTag =
  /<(?:!doctype|html|body|head|table|tr|td|div|p|br|span|a|b|i|u|em|strong|h[1-6]|ul|ol|li|img|hr|center|section|style)\b[^>]*>/i;

export function isHtml(text: string): boolean {
  return htmlTag.test(text);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

/** Plain text as HTML that reads the same: a blank line parts paragraphs, a line break stays one, every sign means itself. */
export function textToHtml(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .split(/\n[ \t]*\n\s*/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) => `<p>${escapeHtml(paragraph).replace(/\n/g, "<br>\n")}</p>`)
    .join("\n");
}

/** Puts a piece of HTML at the end of what a reader sees: before the last `</body>`, or at the end where there is none. */
export function appendToBody(html: string, addition: string): string {
  const end = html.toLowerCase().lastIndexOf("</body");
  return end === -1 ? `${html}\n${addition}` : `${html.slice(0, end)}${addition}\n${html.slice(end)}`;
}
