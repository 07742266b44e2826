import { type Html, html } from "./html.ts";
import { type BatchReport, type CollectionReport, cutoverLines, type IssueReport, planLines } from "./report.ts";
import type { SpotCheck } from "./spot_checks.ts";

/*
 * The report as one HTML file: no script, no font, no picture from elsewhere. It reads on a telephone and on paper, and everything that
 * came from the source is escaped.
 */

/** How each outcome is shown, everywhere the same. */
const outcomes = [
  { key: "inserted", label: "inserted", color: "#2f7d4f" },
  { key: "updated", label: "updated", color: "#2f6f9f" },
  { key: "unchanged", label: "unchanged", color: "#8a9a94" },
  { key: "quarantined", label: "waiting", color: "#c47f17" },
  { key: "skipped", label: "skipped", color: "#b9bdb8" },
  { key: "deleted", label: "deleted", color: "#a3473d" },
] as const;

const layers = [
  { key: "counts", label: "Counts", about: "nothing is missing, nothing is there twice" },
  { key: "fields", label: "Fields", about: "every field of every record, worked out anew from the text that landed" },
  { key: "references", label: "References", about: "every link, from both ends" },
  { key: "types", label: "Types", about: "dates, numbers, lists, JSON and options read back as the source wrote them" },
  { key: "computed", label: "Computed", about: "what is worked out, worked out once more" },
] as const;

/** What the words of a batch's status mean to whoever reads the report. */
const verdicts: Record<string, { title: string; mood: "good" | "care" | "bad" }> = {
  completed: { title: "Everything is in, and proved.", mood: "good" },
  incomplete: { title: "Everything is accounted for. Something waits for a person.", mood: "care" },
  failed: { title: "The proof failed. Do not rely on these rows.", mood: "bad" },
  planned: { title: "A plan: nothing has been changed.", mood: "care" },
  rolled_back: { title: "This import was taken back.", mood: "care" },
  cancelled: { title: "This import was cancelled.", mood: "care" },
};

/** How the page leads to a line of the ledger; null where there is no server to ask. */
export type LedgerLink = (ledgerId: string) => string;

/**
 * A batch's report as a self-contained page: figures first, then what needs a person, then spot checks, then every check and field.
 *
 * @param ledgerLink makes the address of a record's page, out of imports.records.id
 */
export function reportAsPage(report: BatchReport, spotChecks: SpotCheck[], ledgerLink: LedgerLink | null): string {
  const verdict = verdicts[report.status] ?? { title: "This import is under way.", mood: "care" };
  return page(
    `Import ${report.batchId}`,
    html`
      <header class="${verdict.mood}">
        <p class="status">${report.status.replaceAll("_", " ")}</p>
        <h1>${verdict.title}</h1>
        ${report.message === null || report.status === "incomplete" ? null : html`<p>${report.message} ${report.wayOut ?? ""}</p>`}
      </header>
      ${figures(report)}
      <section>
        <h2>Records</h2>
        <p>Every record that landed has one outcome, and the outcomes add up.</p>
        ${collections(report)}
      </section>
      <section>
        <h2>What needs a person</h2>
        ${issues(report)}
      </section>
      <section>
        <h2>Spot checks</h2>
        <p>The proof went over every record. These few are for your own eyes: what the source said, and what the row says now.</p>
        ${spotChecks.length === 0 ? html`<p class="none">No record came in.</p>` : spotChecks.map((check) => spotCheck(check, ledgerLink))}
      </section>
      <section>
        <h2>Proof</h2>
        ${proof(report)}
      </section>
      <section>
        <h2>Fields</h2>
        <p>Every field of the source and its fate; behind it, how many cells came in exactly, were converted, wait, or were dropped.</p>
        ${fields(report)}
      </section>
      <footer>
        <dl>
          <dt>Import</dt><dd><code>${report.batchId}</code></dd>
          <dt>Read from</dt><dd>${report.location}${report.calls === 0 ? null : `, in ${amount(report.calls)} calls`}</dd>
          ${planLines(report).length === 0 ? null : html`<dt>Foreseen</dt><dd>${planLines(report).join(" ")}</dd>`}
          ${cutoverLines(report).length === 0 ? null : html`<dt>Cut-over</dt><dd>${cutoverLines(report).join(" ")}</dd>`}
          <dt>Mapping</dt><dd>${report.mapping}</dd>
          <dt>Began</dt><dd>${time(report.startedAt)}</dd>
          <dt>Ended</dt><dd>${time(report.finishedAt)}</dd>
        </dl>
      </footer>`,
  );
}

/** A record of the ledger as a page: its text as it came, and its row beside it. */
export function recordAsPage(check: SpotCheck, source: string | null, issuesOfIt: IssueReport[], back: string): string {
  return page(
    `${check.collection} ${check.recordId}`,
    html`
      <header class="good">
        <p class="status">${check.outcome}</p>
        <h1>${check.collection} / ${check.recordId}</h1>
        <p><a href="${back}">The whole report</a></p>
      </header>
      <section><h2>Record and row</h2>${spotCheck(check, null)}</section>
      <section>
        <h2>What is told of it</h2>
        ${issuesOfIt.length === 0 ? html`<p class="none">Nothing.</p>` : html`<ul class="cards">${issuesOfIt.map(issueLine)}</ul>`}
      </section>
      <section>
        <h2>Text as it came</h2>
        ${source === null ? html`<p class="none">The texts of this import were forgotten; their hashes stay.</p>` : html`<pre>${source}</pre>`}
      </section>`,
  );
}

function figures(report: BatchReport): Html {
  const sum = (...keys: (keyof CollectionReport)[]) =>
    report.collections.reduce((whole, line) => whole + keys.reduce((part, key) => part + Number(line[key]), 0), 0);
  const passed = report.checks.filter(({ expected, actual }) => expected === actual).length;
  const waiting = sum("quarantined");
  const figure = (value: string, label: string, mood = "") =>
    html`<li class="${mood}"><strong>${value}</strong><span>${label}</span></li>`;
  return html`
    <ul class="figures">
      ${figure(amount(sum("landed")), "records read")}
      ${figure(amount(sum("inserted", "updated", "unchanged")), "in the database", "good")}
      ${figure(amount(waiting), waiting === 1 ? "record waits" : "records wait", waiting > 0 ? "care" : "")}
      ${
        report.checks.length === 0
          ? figure("none yet", "checks")
          : figure(
              `${passed} of ${report.checks.length}`,
              "checks passed",
              passed === report.checks.length ? "good" : "bad",
            )
      }
    </ul>`;
}

function collections({ collections: lines }: BatchReport): Html {
  const shown = outcomes.filter(({ key }) => lines.some((line) => line[key] > 0));
  const total = (key: "landed" | (typeof outcomes)[number]["key"]) => lines.reduce((sum, line) => sum + line[key], 0);
  return html`
    <p class="legend">${shown.map(({ label, color }) => html`<span><i style="background:${color}"></i>${label}</span> `)}</p>
    <div class="wide"><table class="sums">
      <thead><tr><th>collection</th><th class="bar"></th><th>read</th>${shown.map(({ label }) => html`<th>${label}</th>`)}</tr></thead>
      <tbody>
        ${lines.map(
          (line) => html`
            <tr>
              <th>${line.name}</th>
              <td class="bar">${bar(line)}</td>
              <td>${amount(line.landed)}</td>
              ${shown.map(({ key }) => html`<td class="${line[key] === 0 ? "zero" : ""}">${amount(line[key])}</td>`)}
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr><th>total</th><td class="bar"></td><td>${amount(total("landed"))}</td>${shown.map(({ key }) => html`<td>${amount(total(key))}</td>`)}</tr>
      </tfoot>
    </table></div>`;
}

function bar(line: CollectionReport): Html {
  const parts = outcomes.filter(({ key }) => line[key] > 0 && line.landed > 0);
  return html`<div class="stack" role="img" aria-label="${parts.map(({ key, label }) => `${line[key]} ${label}`).join(", ")}">${parts.map(
    ({ key, color }) => html`<i style="background:${color};flex-grow:${line[key]}"></i>`,
  )}</div>`;
}

/** The same trouble is told once, with everything that it befell. */
function issues(report: BatchReport): Html {
  if (report.issues.length === 0) return html`<p class="none">Nothing.</p>`;
  const groups = new Map<string, IssueReport[]>();
  for (const issue of report.issues) groups.set(issue.reason, [...(groups.get(issue.reason) ?? []), issue]);
  const waits = ({ fate, reason }: IssueReport) => fate === "quarantined" || reason === "edited_since_import";
  const urgency = (group: IssueReport[]) => (group.some(waits) ? 0 : 1);
  const sorted = [...groups.values()].sort((one, other) => urgency(one) - urgency(other) || other.length - one.length);
  const rest = report.issueCount - report.issues.length;
  return html`
    ${sorted.map((group) => {
      const [first] = group as [IssueReport, ...IssueReport[]];
      return html`
        <details class="${urgency(group) === 0 ? "care" : ""}" ${group.length <= 5 ? html`open` : null}>
          <summary><b>${first.reason.replaceAll("_", " ")}</b> <span class="count">${amount(group.length)}</span><br><span class="way">${first.wayOut}</span></summary>
          <ul class="cards">${group.map(issueLine)}</ul>
        </details>`;
    })}
    ${rest > 0 ? html`<p>${amount(rest)} more are in the ledger: <code>imports.issues</code>.</p>` : null}`;
}

function issueLine(issue: IssueReport): Html {
  const place = [issue.collection, issue.recordId, issue.field].filter((part) => part !== null).join(" / ");
  return html`
    <li>
      <b>${place}</b>${issue.fate === null ? null : html` <span class="fate">${issue.fate}</span>`}
      ${issue.detail === null ? null : html`<br>${issue.detail}`}
      ${issue.original === null ? null : html`<br><code>${shorten(issue.original)}</code>`}
      ${issue.existing === null ? null : html`<br>here: <code>${shorten(issue.existing)}</code>`}
    </li>`;
}

function spotCheck(check: SpotCheck, ledgerLink: LedgerLink | null): Html {
  return html`
    <details id="record-${check.recordId}" ${ledgerLink === null ? html`open` : null}>
      <summary><b>${check.collection} / ${check.recordId}</b> <span class="fate">${check.outcome}</span><br><span class="way">${check.table}, row ${check.rowId}</span></summary>
      <div class="wide"><table class="pairs">
        <thead><tr><th>field</th><th>the source says</th><th>column</th><th>the row says</th></tr></thead>
        <tbody>
          ${check.fields.map(
            ({ field, cell, column, value }) =>
              html`<tr><th>${field}</th><td><code>${cell ?? "–"}</code></td><th>${column}</th><td><code>${value ?? "–"}</code></td></tr>`,
          )}
        </tbody>
      </table></div>
      <p class="ledger">${
        ledgerLink === null
          ? html`In the ledger: <code>select * from imports.records where id = '${check.ledgerId}'</code>`
          : html`<a href="${ledgerLink(check.ledgerId)}">The record in the ledger</a>`
      }</p>
    </details>`;
}

function proof(report: BatchReport): Html {
  if (report.checks.length === 0) return html`<p class="none">Nothing has been checked yet.</p>`;
  return html`${layers.map(({ key, label, about }) => {
    const own = report.checks.filter(({ layer }) => layer === key);
    const failed = own.filter(({ expected, actual }) => expected !== actual);
    const sorted = [...failed, ...own.filter((check) => !failed.includes(check))];
    const compared = own.reduce((sum, { expected }) => sum + expected, 0);
    return html`
      <details class="${failed.length > 0 ? "bad" : ""}" ${failed.length > 0 ? html`open` : null}>
        <summary>
          <b>${label}</b> <span class="count ${failed.length > 0 ? "bad" : "good"}">${own.length - failed.length} of ${own.length}</span><br>
          <span class="way">${about}; ${amount(compared)} compared</span>
        </summary>
        ${
          own.length === 0
            ? html`<p class="none">This base has nothing of the kind.</p>`
            : html`<div class="wide"><table>
                <thead><tr><th>collection</th><th>compared</th><th>expected</th><th>found</th></tr></thead>
                <tbody>${sorted.map(
                  (check) => html`
                    <tr class="${check.expected === check.actual ? "" : "bad"}">
                      <th>${check.collection ?? ""}</th>
                      <td class="text">${check.name}${check.offending.length === 0 ? null : html`<br><code>${check.offending.join(", ")}</code>`}</td>
                      <td>${amount(check.expected)}</td><td>${amount(check.actual)}</td>
                    </tr>`,
                )}</tbody>
              </table></div>`
        }
      </details>`;
  })}`;
}

function fields(report: BatchReport): Html {
  return html`${report.collections.map(({ name }) => {
    const own = report.fields.filter(({ collection }) => collection === name);
    if (own.length === 0) return null;
    return html`
      <details>
        <summary><b>${name}</b> <span class="count">${own.length} fields</span></summary>
        <div class="wide"><table>
          <thead><tr><th>field</th><th>fate</th><th>column</th><th>exact</th><th>converted</th><th>waiting</th><th>dropped</th></tr></thead>
          <tbody>${own.map(
            (field) => html`
              <tr>
                <th>${field.name}</th>
                <td class="text">${field.fate}${field.because === null ? null : html`: ${field.because}`}</td>
                <td class="text">${field.column ?? ""}</td>
                <td>${amount(field.exact)}</td><td>${amount(field.converted)}</td><td>${amount(field.quarantined)}</td><td>${amount(field.dropped)}</td>
              </tr>`,
          )}</tbody>
        </table></div>
      </details>`;
  })}`;
}

const amount = (value: number): string => value.toLocaleString("en");

const time = (value: Date | null): string =>
  value === null ? "not yet" : `${value.toISOString().slice(0, 19).replace("T", " ")} UTC`;

function shorten(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 299)}…`;
}

function page(title: string, body: Html): string {
  return `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title} · Landfall</title>
<style>${{ html: style }}</style>
</head>
<body>${body}</body>
</html>`.html
  }\n`;
}

const style = `
:root { --ink: #1c2422; --soft: #5c6a66; --line: #dde3e0; --ground: #f6f8f7; --card: #fff; --good: #2f7d4f; --care: #a5680d; --bad: #a3372d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edeb; --soft: #9fada8; --line: #35403c; --ground: #161b19; --card: #1f2624; --good: #6cc18e; --care: #e0a94f; --bad: #ee8a7f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; -webkit-text-size-adjust: 100%; overflow-wrap: anywhere; }
header { border-left: 5px solid var(--soft); padding: .25rem 0 .25rem 1rem; margin: .5rem 0 1.5rem; }
header.good { border-color: var(--good); } header.care { border-color: var(--care); } header.bad { border-color: var(--bad); }
.status { margin: 0; color: var(--soft); font-size: .85rem; text-transform: uppercase; letter-spacing: .06em; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; } h2 { margin: 2.25rem 0 .5rem; font-size: 1.15rem; } header p:last-child, section > p { margin: .25rem 0 .75rem; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 0; padding: 0; list-style: none; }
.figures li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; }
.figures strong { display: block; font-size: 1.5rem; line-height: 1.2; } .figures span { color: var(--soft); font-size: .9rem; }
li.good strong, .count.good { color: var(--good); } li.care strong { color: var(--care); } li.bad strong, .count.bad, tr.bad td, tr.bad th { color: var(--bad); }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; } tbody tr:last-child > *, tfoot tr > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 500; white-space: nowrap; } tbody th { font-weight: 600; } th:first-child, td.text { text-align: left; } tbody th, tfoot th { overflow-wrap: normal; } .sums th:first-child { min-width: 6rem; } td.text { min-width: 12rem; } td.zero { color: var(--soft); opacity: .55; }
tfoot tr > * { border-top: 2px solid var(--line); font-weight: 600; }
td.bar, th.bar { width: 30%; min-width: 4.5rem; } .stack { display: flex; height: .8rem; margin-top: .35rem; border-radius: 3px; overflow: hidden; background: var(--line); } .stack i { min-width: 2px; }
.legend { font-size: .85rem; } .legend span { margin-right: .9rem; white-space: nowrap; } .legend i { display: inline-block; width: .7rem; height: .7rem; margin-right: .35rem; border-radius: 2px; vertical-align: -1px; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: 0 1rem; } details.care { border-left: 4px solid var(--care); } details.bad { border-left: 4px solid var(--bad); }
summary { padding: .6rem 0; cursor: pointer; } summary .way { color: var(--soft); font-size: .9rem; } .count, .fate { color: var(--soft); font-size: .85rem; } .count { font-weight: 600; }
details > .wide { margin: 0 -1rem; border-width: 1px 0 0; border-radius: 0 0 8px 8px; } details > .wide:last-child { margin-bottom: 0; }
.cards { margin: 0; padding: 0 0 .75rem; list-style: none; font-size: .92rem; } .cards li { padding: .5rem 0; border-top: 1px solid var(--line); }
.pairs th, .pairs td { text-align: left; } .pairs td { min-width: 11rem; } .pairs tbody th { font-weight: 500; color: var(--soft); }
code, pre { font: .85em/1.45 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; white-space: pre-wrap; } pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
a { color: inherit; } .none, .ledger { color: var(--soft); } .ledger { font-size: .9rem; }
footer { margin: 2.5rem 0 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; } footer dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; } dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 40rem) { td.bar, th.bar { display: none; } th, td { padding: .35rem .55rem; } }
@media (max-width: 40rem) { .pairs thead { display: none; } .pairs, .pairs tbody, .pairs tr, .pairs th, .pairs td { display: block; border: 0; min-width: 0; padding: 0; } .pairs tr { padding: .5rem .9rem; border-bottom: 1px solid var(--line); } .pairs th { font-size: .85rem; } .pairs th:nth-child(3)::before { content: "→ "; } }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --card: #fff; } body { max-width: none; padding: 0; font-size: 10.5pt; } h2 { break-after: avoid; } tr, .cards li { break-inside: avoid; } .wide { overflow: visible; }
  details::details-content { content-visibility: visible; height: auto; } i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
