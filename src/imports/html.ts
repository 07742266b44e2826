/** HTML that escapes: what stands in `${}` is text, unless it is HTML itself or a list of such. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | null | readonly Part[];

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return { html: strings.reduce((whole, text, index) => whole + write(parts[index - 1] ?? null) + text) };
}

function write(part: Part): string {
  if (part === null) return "";
  if (Array.isArray(part)) return part.map(write).join("");
  if (typeof part === "object") return (part as Html).html;
  return String(part).replace(/[&<>"']/g, (character) => entities[character] as string);
}
