import { escapeHtml } from "./markup.ts";

export type HandoffPage = {
  journeyName: string;
  clientName: string;
  ghlLocationId: string | null;
  version: number;
  publishedAt: string | null;
  steps: { title: string; instruction: string; reference: string | null; ticks: { name: string; at: string }[] }[];
};

const style = `
  :root { color-scheme: light; font: 15px/1.45 system-ui, sans-serif; }
  body { max-width: 46rem; margin: 0 auto; padding: 1rem; color: #111; background: #fff; }
  h1 { font-size: 1.4rem; margin-bottom: .2rem; }
  ol { list-style: none; padding: 0; }
  li { display: grid; grid-template-columns: 1.6rem 1fr; gap: .6rem; padding: .6rem 0; border-top: 1px solid #ccc; break-inside: avoid; }
  .box { width: 1.1rem; height: 1.1rem; border: 2px solid #111; margin-top: .15rem; text-align: center; line-height: 1rem; }
  .title { font-weight: 600; }
  code { background: #f2f2f2; padding: .1rem .35rem; overflow-wrap: anywhere; }
  .quiet { color: #555; font-size: .9rem; }
  @media print { body { padding: 0; } a { color: inherit; } }
`;

/** The hand-off of a publication as a page to be printed. It loads nothing and runs nothing. */
export function renderHandoffPage(page: HandoffPage): string {
  const { steps } = page;
  const done = steps.filter((step) => step.ticks.length > 0).length;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.journeyName)}: hand-off</title><style>${style}</style></head><body>
<h1>${escapeHtml(page.journeyName)}</h1>
<p class="quiet">${escapeHtml(page.clientName)}, version ${page.version}${page.ghlLocationId === null ? "" : `, location ${escapeHtml(page.ghlLocationId)}`}${page.publishedAt === null ? "" : `, published ${escapeHtml(page.publishedAt)}`}</p>
<p>The texts are in GoHighLevel. Its API cannot build workflows, so a person does these ${steps.length} steps there; ticked so far: ${done}.
The journey runs when the last one is done.</p>
<ol>${steps.map(renderStep).join("\n")}</ol>
</body></html>
`;
}

function renderStep({ title, instruction, reference, ticks }: HandoffPage["steps"][number], index: number): string {
  const shown = reference === null ? "" : `<br><code>${escapeHtml(reference)}</code>`;
  const told = ticks.map(({ name, at }) => `${escapeHtml(name)}, ${escapeHtml(at)}`).join("; ");
  return `<li><span class="box">${ticks.length > 0 ? "✓" : ""}</span><div><span class="title">${index + 1}. ${escapeHtml(title)}</span><br>${escapeHtml(instruction)}${shown}${told === "" ? "" : `<br><span class="quiet">${told}</span>`}</div></li>`;
}
