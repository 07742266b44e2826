/** What is made of the rows of app.errors: docs/errors.md, and the codes by name for TypeScript. */
import type { ClientBase } from "pg";

interface ErrorRow {
  code: string;
  name: string;
  http_status: number;
  message: string;
  way_out: string;
}

/** Where each module's codes begin. */
const sections: readonly [first: string, title: string][] = [
  ["LF001", "The platform"],
  ["LF040", "Signing in"],
  ["LF050", "The command and its processes"],
  ["LF100", "Journeys"],
  ["LF200", "Imports"],
  ["LF300", "Publishing"],
  ["LF900", "The edge of the API"],
];

/** src/generated/error_codes.ts: the code of every error by its name, so that TypeScript can raise no other. */
export async function listErrorCodes(client: ClientBase): Promise<string> {
  const { rows } = await client.query<ErrorRow>("select e.code, e.name from app.errors e order by e.code");
  const lines = rows.map(({ code, name }) => `  ${name}: "${code}",`);
  return `/** Generated from app.errors by \`npm run generate\`: code by name. */\nexport const errorCodes = {\n${lines.join("\n")}\n} as const;\n`;
}

/** The page on every error that Landfall raises on purpose, as Markdown. */
export async function documentErrors(client: ClientBase): Promise<string> {
  const { rows } = await client.query<ErrorRow>(
    "select e.code, e.name, e.http_status, e.message, e.way_out from app.errors e order by e.code",
  );
  const pages = sections.map(([first, title], place) => {
    const next = sections[place + 1]?.[0] ?? "LF999";
    const errors = rows.filter(({ code }) => code >= first && code < next);
    if (errors.length === 0) return "";
    const lines = errors.map(
      (error) =>
        `| \`${error.code}\` | \`${error.name}\` | ${error.http_status} | ${inWords(error.message)} | ${inWords(error.way_out)} |`,
    );
    return `## ${title}\n\n| Code | Name | HTTP | Message | What to do |\n|---|---|---|---|---|\n${lines.join("\n")}\n`;
  });
  return `${introduction}\n${pages.filter(Boolean).join("\n")}`;
}

const introduction = `# Errors

<!-- Generated from app.errors by \`npm run generate\`. -->

Every error that Landfall raises on purpose. The API gives the code as \`extensions.code\`, the name as \`extensions.name\` and what to do as
\`extensions.hint\`; in SQL the code is the SQLSTATE and what to do is the hint. A code keeps its meaning for ever. "…" stands for the
particulars. The same in psql: \`table app.errors\`.
`;

/** The particulars as an ellipsis, and nothing that would end the cell. */
function inWords(text: string): string {
  return text.replaceAll("%s", "…").replaceAll("|", "\\|");
}
