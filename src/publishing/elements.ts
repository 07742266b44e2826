import { type AssetKind, type Rendered, renderFolder, renderLink, renderTag, renderTouchpoint } from "./render.ts";
import type { Snapshot } from "./snapshot.ts";
import { publishToken } from "./token.ts";

/** One thing that a version consists of in GoHighLevel, before it is known what is there. */
export type Element = {
  token: string;
  touchpointId: string | null;
  /** The touchpoint's place; null for what belongs to the whole journey. */
  orderIndex: number | null;
  name: string;
  kind: AssetKind;
  /** @param remoteName the name that it bears there already, for what keeps its first one */
  render(remoteName: string | null): Rendered;
};

export type Elements = { all: Element[]; folderToken: string };

/**
 * What a version consists of: the folder of its emails, the tag that its triggers wait for, the pipeline and the workflow that
 * it names, and one thing for each touchpoint. The same version gives the same list, always and everywhere.
 */
export function elementsOf(installationId: string, snapshot: Snapshot): Elements {
  const { journey, touchpoints, pipeline } = snapshot;
  const tokenOf = (part: string | null) => publishToken(installationId, journey.id, part);
  const ofJourney = (token: string, name: string, render: Element["render"]): Element => ({
    token,
    touchpointId: null,
    orderIndex: null,
    name,
    kind: render(null).kind,
    render,
  });

  const folderToken = tokenOf(null);
  const all: Element[] = touchpoints.map((touchpoint) => {
    const token = tokenOf(touchpoint.id);
    const render = (remoteName: string | null) => renderTouchpoint(snapshot, touchpoint, token, remoteName);
    return {
      token,
      touchpointId: touchpoint.id,
      orderIndex: touchpoint.order_index,
      name: touchpoint.name,
      kind: render(null).kind,
      render,
    };
  });
  if (snapshot.is_template === true) return { all, folderToken };

  const workflowId = journey.trigger_config?.ghl_workflow_id ?? journey.trigger_config?.ghlWorkflowId;
  if (workflowId) {
    all.unshift(ofJourney(tokenOf("workflow"), "Workflow", () => renderLink("workflow", workflowId)));
  }
  const pipelineId = pipeline?.ghl_pipeline_id;
  if (pipelineId) {
    all.unshift(ofJourney(tokenOf("pipeline"), pipeline.name ?? "Pipeline", () => renderLink("pipeline", pipelineId)));
  }
  if (touchpoints.some((touchpoint) => touchpoint.type === "trigger")) {
    all.unshift(ofJourney(tokenOf("tag"), journey.name, (name) => renderTag(journey.slug, name)));
  }
  if (all.some((element) => element.kind === "template")) {
    all.unshift(ofJourney(folderToken, journey.name, () => renderFolder(snapshot, folderToken)));
  }
  return { all, folderToken };
}
