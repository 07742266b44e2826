/** What GoHighLevel's lists show, page by page, and once for a whole run where nobody else adds to them. */
import { type Client, listPageSize, type Outcome } from "./client.ts";
import type { AnswerOf, ListedTemplate } from "./endpoints.ts";

export type Walk = { archived: boolean; include: "templates" | "folders"; search?: string; folderId?: string };

/** All pages of a list. */
export async function walkTemplates(client: Client, filter: Walk): Promise<Outcome<ListedTemplate[]>> {
  const walked = await walkUnlessMany(client, filter, Number.POSITIVE_INFINITY);
  return walked.class === "done" ? { ...walked, data: walked.data ?? [] } : walked;
}

/** All pages of a list; null, after the first of them, where it has more than so many rows. */
async function walkUnlessMany(client: Client, filter: Walk, most: number): Promise<Outcome<ListedTemplate[] | null>> {
  const items: ListedTemplate[] = [];
  for (;;) {
    const page = await client.listTemplates({ ...filter, offset: items.length });
    if (page.class !== "done") return page;
    if (page.data.total > most) return { ...page, data: null };
    items.push(...page.data.items);
    if (page.data.items.length < listPageSize) return { ...page, data: items };
  }
}

/** With what every token begins: a search for it shows all that is ours, and little else. */
const tokenPrefix = "pp";

/** Where more than this many templates look like ours, each is searched for by itself. */
const mostListed = 200;

export type ShownTemplate = ListedTemplate & { isArchived: boolean };

export type Listings = {
  /** The templates of a folder and all that look like ours elsewhere, archived or not; null where those are too many. */
  templates(folderId: string): Promise<Outcome<ShownTemplate[] | null>>;
  customValues(): Promise<Outcome<AnswerOf<"listCustomValues">>>;
};

/**
 * The lists of a location, each read when it is first asked for and kept for one run. That is enough for what was never asked
 * to be made: only the run that holds the location makes it. What an earlier call may have made is looked for anew.
 */
export function listingsOf(client: Client): Listings {
  const folders = new Map<string, Extract<Outcome<ShownTemplate[] | null>, { class: "done" }>>();
  let values: Extract<Outcome<AnswerOf<"listCustomValues">>, { class: "done" }> | null = null;

  async function readTemplates(folderId: string): Promise<Outcome<ShownTemplate[] | null>> {
    const searched = { include: "templates", search: tokenPrefix } as const;
    const active = await walkUnlessMany(client, { ...searched, archived: false }, mostListed);
    if (active.class !== "done" || active.data === null) return active as Outcome<null>;
    const archived = await walkUnlessMany(client, { ...searched, archived: true }, mostListed);
    if (archived.class !== "done" || archived.data === null) return archived as Outcome<null>;
    // What is in the folder is ours, whatever a search makes of its names.
    const inFolder = await walkTemplates(client, { archived: false, include: "templates", folderId });
    if (inFolder.class !== "done") return inFolder;
    const shown = (rows: ListedTemplate[], isArchived: boolean) => rows.map((row) => ({ ...row, isArchived }));
    return {
      ...inFolder,
      data: [...shown(active.data, false), ...shown(archived.data, true), ...shown(inFolder.data, false)],
    };
  }

  return {
    async templates(folderId) {
      const kept = folders.get(folderId);
      if (kept !== undefined) return kept;
      const read = await readTemplates(folderId);
      if (read.class === "done") folders.set(folderId, read);
      return read;
    },
    async customValues() {
      if (values !== null) return values;
      const read = await client.listCustomValues();
      if (read.class === "done") values = read;
      return read;
    },
  };
}
