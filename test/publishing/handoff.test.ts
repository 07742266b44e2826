import { beginStory, type Step, type Story } from "./story.ts";

const steps: Step[] = [
  { name: "Start", type: "trigger" },
  { name: "Welcome", type: "email", content: { subject: "Hello", body: "Thank you." } },
  { name: "Two days", type: "wait", config: { delay: 2, delayUnit: "days" } },
  { name: "Nudge", type: "sms", content: { body: "Hi" } },
  { name: "Opened?", type: "condition", content: { text: "has opened Welcome" } },
];

let story: Story;

beforeAll(async () => {
  story = await beginStory();
});

afterAll(() => story.end());

beforeEach(async () => {
  await story.fake("reset", {});
  await story.newClient();
});

type StepRow = { id: string; title: string; instruction: string; reference: string | null; ticks: number };

const list = (journeyId: string) =>
  story.database.query<StepRow>(
    `select s.id, s.title, s.instruction, s.reference,
       (select count(*)::integer from publishing.handoff_ticks t where t.step_id = s.id) as ticks
     from publishing.handoff_steps s where s.journey_id = $1 and s.retired_at is null order by s.order_index`,
    [journeyId],
  );

test("a publication leaves the list of what a person wires up, with what to choose there", async () => {
  const journeyId = await story.writeJourney("Inquiry", steps);
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  const { templates, customValues, tags } = await story.state();
  const rows = await list(journeyId);
  expect(rows.map((row) => [row.title, row.reference])).toEqual([
    ["Create the workflow", "Inquiry"],
    ['Start: "Start"', tags[0]?.name],
    ['Send the email "Welcome"', templates.find((row) => row.type === "template")?.name],
    ['Wait: "Two days"', null],
    ['Send the SMS "Nudge"', customValues[0]?.fieldKey],
    ['Condition: "Opened?"', null],
    ["Publish the workflow and try it", tags[0]?.name],
  ]);
  expect(rows[3]?.instruction).toBe("Add the step Wait: 2 days.");
  expect(rows[5]?.instruction).toBe("Add the step If/Else: has opened Welcome.");
});

test("a tick stays through a publication that leaves the step as it is, and goes with one that changes it", async () => {
  const journeyId = await story.writeJourney("Ticked", steps);
  await story.run(await story.publish(journeyId));
  for (const row of await list(journeyId)) await story.call("select id from publishing.tick_handoff_step($1)", row.id);
  const [first] = await list(journeyId);
  await story.call("select id from publishing.tick_handoff_step($1)", first?.id);
  expect((await list(journeyId)).map((row) => row.ticks)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  await story.call(
    "update journeys.touchpoints set name = 'Renamed' where journey_id = $1 and type = 'email' returning id",
    journeyId,
  );
  await story.call("delete from journeys.touchpoints where journey_id = $1 and type = 'wait' returning id", journeyId);
  expect(await story.run(await story.publish(journeyId))).toBe("synced");
  expect((await list(journeyId)).map((row) => [row.title, row.ticks])).toEqual([
    ["Create the workflow", 1],
    ['Start: "Start"', 1],
    ['Send the email "Renamed"', 0],
    ['Send the SMS "Nudge"', 1],
    ['Condition: "Opened?"', 1],
    ["Publish the workflow and try it", 1],
  ]);
  await story.call("select id from publishing.untick_handoff_step($1)", first?.id);
  expect((await list(journeyId))[0]?.ticks).toBe(0);
});

test("what did not arrive is said on its step", async () => {
  const journeyId = await story.writeJourney("Partly", steps);
  await story.fault({ kind: "status", status: 422, body: '{"message":["no"]}', method: "POST", path: "customValues$" });
  expect(await story.run(await story.publish(journeyId))).toBe("partial");
  const row = (await list(journeyId)).find((step) => step.title.includes("Nudge"));
  expect(row).toMatchObject({ reference: null, instruction: expect.stringContaining("not in GoHighLevel yet") });
});
