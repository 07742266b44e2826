/** What the stand-ins' pages have in common. */

export const pageStyle = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
  h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; }
  details { border: 1px solid #8886; border-radius: .4rem; padding: .5rem .75rem; margin: .5rem 0; }
  summary { cursor: pointer; overflow-wrap: anywhere; }
  .quiet { opacity: .7; font-size: .85rem; overflow-wrap: anywhere; }
`;

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
