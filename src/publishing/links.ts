import { type Client, formPageSize, type Outcome } from "./client.ts";
import type { LinkTarget } from "./render.ts";

export type Linked = { id: string; name: string; isDraft: boolean };

/** Everything of one kind that a location has and a journey may name. */
async function listTargets(client: Client, target: LinkTarget): Promise<Outcome<Linked[]>> {
  switch (target) {
    case "form": {
      const found: Linked[] = [];
      for (;;) {
        const page = await client.listForms(found.length);
        if (page.class !== "done") return page;
        found.push(...page.data.forms.map(({ id, name }) => ({ id, name, isDraft: false })));
        if (page.data.forms.length < formPageSize) return { ...page, data: found };
      }
    }
    case "workflow": {
      const list = await client.listWorkflows();
      if (list.class !== "done") return list;
      const data = list.data.workflows.map(({ id, name, status }) => ({ id, name, isDraft: status === "draft" }));
      return { ...list, data };
    }
    case "pipeline": {
      const list = await client.listPipelines();
      if (list.class !== "done") return list;
      return { ...list, data: list.data.pipelines.map(({ id, name }) => ({ id, name, isDraft: false })) };
    }
  }
}

export type LinkFinder = (target: LinkTarget, id: string) => Promise<Outcome<Linked | null>>;

/** Looks links up; each kind is listed once, however many of it are asked for. */
export function linkFinder(client: Client): LinkFinder {
  const lists = new Map<LinkTarget, Extract<Outcome<Linked[]>, { class: "done" }>>();
  return async (target, id) => {
    const list = lists.get(target) ?? (await listTargets(client, target));
    if (list.class !== "done") return list;
    lists.set(target, list);
    return { ...list, data: list.data.find((linked) => linked.id === id) ?? null };
  };
}

/** Why a link does not hold, or null. */
export function linkObstacle(target: LinkTarget, id: string, linked: Linked | null): string | null {
  if (linked === null) {
    return `The location has no ${target} with the id ${id}. Choose one that is there, have the journey approved, and publish again.`;
  }
  if (linked.isDraft) return `The ${target} "${linked.name}" is a draft. Publish it in GoHighLevel, then retry.`;
  return null;
}
