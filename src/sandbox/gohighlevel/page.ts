import { escapeHtml, pageStyle } from "../html.ts";
import type { JournalEntry } from "./journal.ts";
import type { State, Template } from "./state.ts";

const style = `${pageStyle}
  table { border-collapse: collapse; width: 100%; font-size: .9rem; }
  th, td { text-align: left; vertical-align: top; padding: .35rem .5rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
  th, .calls td:first-child { white-space: nowrap; }
  .wide { overflow-x: auto; }
  iframe { width: 100%; height: 22rem; border: 1px solid #8886; background: #fff; }
`;

function table(headings: string[], rows: unknown[][]): string {
  const head = headings.map((heading) => `<th>${escapeHtml(heading)}</th>`).join("");
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`).join("");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function templateCard(template: Template): string {
  const url = `/storage/email-templates/${encodeURIComponent(template.id)}.html`;
  return `<details><summary>${escapeHtml(template.name)}${template.archived ? " (archived)" : ""}</summary>
    <p><b>Subject</b> ${escapeHtml(template.subjectLine)}<br><b>Preview</b> ${escapeHtml(template.previewText)}</p>
    <iframe sandbox loading="lazy" title="${escapeHtml(template.name)}" src="${url}"></iframe>
    <p class="quiet">id ${escapeHtml(template.id)}, changed ${escapeHtml(template.updatedAt)}</p></details>`;
}

function section(title: string, content: string): string {
  return content === "" ? "" : `<h3>${escapeHtml(title)}</h3>${content}`;
}

function locationSection(state: State, location: State["locations"][number]): string {
  const here = <T extends { locationId: string }>(rows: T[]) => rows.filter((row) => row.locationId === location.id);
  const templates = here(state.templates);
  const folders = templates.filter((row) => row.type === "folder");
  const cardsIn = (folderId: string | null) =>
    templates
      .filter((row) => row.type === "template" && row.parentFolderId === folderId)
      .map(templateCard)
      .join("");
  const values = here(state.customValues);
  const tags = here(state.tags);
  const links = [...here(state.workflows), ...here(state.pipelines), ...here(state.forms)];
  return [
    `<h2>${escapeHtml(location.name)} <span class="quiet">${escapeHtml(location.id)}</span></h2>`,
    ...folders.map((folder) => `<h3>Folder: ${escapeHtml(folder.name)}</h3>${cardsIn(folder.id) || "<p>Empty.</p>"}`),
    section("Templates outside folders", cardsIn(null)),
    section(
      "Custom values",
      values.length === 0
        ? ""
        : table(
            ["Name", "Value", "Key"],
            values.map((row) => [row.name, row.value, row.fieldKey]),
          ),
    ),
    section(
      "Snippets",
      here(state.snippets)
        .map((row) => escapeHtml(row.name))
        .join(", "),
    ),
    section("Tags", tags.map((row) => escapeHtml(row.name)).join(", ")),
    section("Workflows, pipelines, forms", links.map((row) => escapeHtml(row.name)).join(", ")),
  ].join("\n");
}

function journalSection(entries: JournalEntry[]): string {
  if (entries.length === 0) return "<p>No call yet.</p>";
  return table(
    ["Time", "Call", "Answer"],
    entries
      .slice(-100)
      .reverse()
      .map((entry) => [
        entry.at.slice(11, 19),
        `${entry.method} ${entry.path}${entry.query === "" ? "" : `?${entry.query}`}`,
        [entry.status ?? "none", entry.fault].filter((part) => part !== null).join(" "),
      ]),
  );
}

/** What the account holds and what was asked of it, as one page that reads well on a phone. */
export function renderPage(state: State, entries: JournalEntry[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>GoHighLevel stand-in</title><style>${style}</style></head>
<body><h1>GoHighLevel stand-in</h1>
<p>This is not GoHighLevel. It holds what Landfall published while no account is connected. <a href="/">Reload</a></p>
${state.locations.map((location) => locationSection(state, location)).join("\n") || "<p>Nothing has been published yet.</p>"}
<h2>Last calls</h2>
<div class="calls">${journalSection(entries)}</div>
</body></html>`;
}
