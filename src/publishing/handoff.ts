import type { Elements } from "./elements.ts";
import type { Snapshot, Touchpoint } from "./snapshot.ts";

/** What is known of an object when the list is made. */
export type Arrived = { name: string | null; key: string | null; isThere: boolean };

/** Something that a person does in GoHighLevel, because its API cannot. */
export type HandoffStep = {
  /** The same for the same thing in every version, so that a tick stays while the step is the same. */
  key: string;
  touchpointId: string | null;
  title: string;
  instruction: string;
  /** What to choose or to insert there. */
  reference: string | null;
};

/**
 * The list of what a person wires up after a publication: the workflow, its trigger, and one step for each touchpoint, in
 * order. The same version and the same objects give the same list.
 *
 * @param arrived what GoHighLevel holds, by token
 */
export function handoffSteps(
  snapshot: Snapshot,
  { all }: Elements,
  arrived: ReadonlyMap<string, Arrived>,
): HandoffStep[] {
  const elements = new Map(all.map((element) => [element.touchpointId ?? element.kind, element]));
  const workflow = all.find((element) => element.touchpointId === null && element.name === "Workflow");
  const tag = elements.get("tag");
  const tagName = tag === undefined ? null : (arrived.get(tag.token)?.name ?? null);
  const linked = workflow === undefined ? null : (arrived.get(workflow.token)?.name ?? null);
  const opening: HandoffStep = {
    key: "workflow",
    touchpointId: null,
    title: linked === null ? "Create the workflow" : "Open the workflow",
    instruction:
      linked === null
        ? `In GoHighLevel: Automation, Workflows, Create Workflow. Name it after the journey "${snapshot.journey.name}".`
        : `In GoHighLevel: Automation, Workflows, open "${linked}".`,
    reference: linked ?? snapshot.journey.name,
  };
  let day = 0;
  const steps = [...snapshot.touchpoints]
    .sort((one, other) => one.order_index - other.order_index)
    .flatMap((touchpoint): HandoffStep[] => {
      const element = elements.get(touchpoint.id);
      const object = element === undefined ? undefined : arrived.get(element.token);
      const step = stepOf(touchpoint, object, tagName);
      const next = touchpoint.day_offset ?? day;
      const pause = next - day;
      day = next;
      return pause > 0 && touchpoint.type !== "wait" ? [pauseBefore(touchpoint, pause), step] : [step];
    });
  const closing: HandoffStep = {
    key: "publish",
    touchpointId: null,
    title: "Publish the workflow and try it",
    instruction: "Set the workflow to Publish, then put a test contact into it and see each step arrive.",
    reference: tagName,
  };
  return [opening, ...steps, closing];
}

function pauseBefore({ id, name }: Touchpoint, days: number): HandoffStep {
  const span = days === 1 ? "1 day" : `${days} days`;
  return {
    key: `${id}/pause`,
    touchpointId: id,
    title: `Wait ${span} before "${name}"`,
    instruction: `Add the step Wait, time delay, ${span}.`,
    reference: null,
  };
}

function stepOf(touchpoint: Touchpoint, object: Arrived | undefined, tagName: string | null): HandoffStep {
  const { id, name, type } = touchpoint;
  const missing = object?.isThere === false ? " It is not in GoHighLevel yet: see the publication." : "";
  const made = (title: string, instruction: string, reference: string | null): HandoffStep => ({
    key: id,
    touchpointId: id,
    title,
    instruction: instruction + missing,
    reference,
  });
  switch (type) {
    case "email":
      return made(`Send the email "${name}"`, "Add the step Send Email and choose the template.", object?.name ?? null);
    case "sms":
      return made(
        `Send the SMS "${name}"`,
        "Add the step Send SMS and insert the custom value as its text.",
        object?.key ?? null,
      );
    case "call":
      return made(`Call: "${name}"`, "Add the step Add Task; its script is the custom value.", object?.key ?? null);
    case "task":
      return made(`Task: "${name}"`, "Add the step Add Task; its text is the custom value.", object?.key ?? null);
    case "note":
      return made(`Note: "${name}"`, "Add the step Add Note; its text is the custom value.", object?.key ?? null);
    case "trigger":
      return made(`Start: "${name}"`, "Add the trigger Contact Tag, tag added, and choose the tag.", tagName);
    case "form":
      return made(
        `Form: "${name}"`,
        object === undefined || object.name === null
          ? "Make or choose a form in Sites, Forms, and add the trigger Form Submitted for it."
          : "Add the trigger Form Submitted and choose the form.",
        object?.name ?? null,
      );
    case "wait":
      return made(`Wait: "${name}"`, `Add the step Wait${describe(touchpoint)}.`, null);
    case "condition":
      return made(`Condition: "${name}"`, `Add the step If/Else${describe(touchpoint)}.`, null);
  }
}

/** What the journey says of a step that has no text, as it was written. */
function describe({ config, content }: Touchpoint): string {
  const delay = config?.delay;
  const unit = config?.delayUnit ?? config?.delay_unit;
  if (delay !== undefined && delay !== null) return `: ${String(delay)} ${unit ?? ""}`.trimEnd();
  const told = content.text ?? content.body ?? config?.condition;
  return typeof told === "string" && told.trim() !== "" ? `: ${told.trim()}` : ", as the journey has it";
}
