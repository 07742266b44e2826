/**
 * What keeps tenants apart is broken in turn, and something fails each time. `npm run test:security` breaks everything, `npm test` a sample,
 * and `LANDFALL_TEST_MUTANTS=tenancy.users` everything whose name ("a grant is taken back: tenancy.users select client") matches that pattern.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createTestDatabase } from "../support/database.ts";
import { createWorld, type World } from "./actors.ts";
import { makeHunt } from "./hunt.ts";
import { listMutants, type Mutant } from "./mutants.ts";
import { makeProber } from "./probes.ts";
import { openStage, type Stage } from "./stage.ts";

const pattern = process.env.LANDFALL_TEST_MUTANTS;
const isAll = process.env.LANDFALL_TEST_SECURITY === "all";

/** What makes no difference when it is broken, and why. */
const equivalent: Record<string, string> = {
  "tenancy visitor": "nothing in the schema is the visitor's, who may know its name and no more",
  "tenancy authenticator": "nothing in the schema is the login's own, which may know its name and no more",
  "audit.changes delete_owner": "a trigger refuses the same, to superusers as well (test/tenants/deletion.long.ts)",
  "audit.changes_default delete_owner":
    "a trigger refuses the same but to what moves entries and forgets them (test/database/audit/audit.test.ts)",
  "audit.changes update_owner":
    "a trigger lets values leave, and nothing else become of an entry (test/people/erase_contact.long.ts)",
};

let world: World;
let stage: Stage;
beforeAll(async () => {
  world = await createWorld(await createTestDatabase());
  stage = await openStage(world);
});
afterAll(async () => {
  await stage?.close();
  await world?.drop();
});

const nameOf = ({ kind, target }: Mutant) => `${kind}: ${target}`;

/** The mutants of this run. */
function chosen(all: Mutant[]): Mutant[] {
  if (pattern !== undefined) return all.filter((mutant) => new RegExp(pattern).test(nameOf(mutant)));
  return isAll ? all : sampled(all);
}

/** The first of each kind, and the one in the middle. */
function sampled(mutants: Mutant[]): Mutant[] {
  return [...Map.groupBy(mutants, ({ kind }) => kind).values()].flatMap((same) => [
    ...new Set([same[0] as Mutant, same[Math.floor(same.length / 2)] as Mutant]),
  ]);
}

test("cannot be broken unseen", async () => {
  const all = (await listMutants(world.database)).filter(({ target }) => !(target in equivalent));
  const mutants = chosen(all);
  expect(mutants).not.toEqual([]);
  const hunt = await makeHunt(world, stage, makeProber(world, stage.client));
  const caught = { attempt: 0, rule: 0 };
  const survivors: string[] = [];
  for (const mutant of mutants) {
    const catcher = await hunt(mutant);
    if (catcher) caught[catcher.by] += 1;
    else survivors.push(`${nameOf(mutant)} (${mutant.sql})`);
  }
  // Rounded down: only all of them are 100 %.
  const score = (Math.floor((10_000 * (mutants.length - survivors.length)) / mutants.length) / 100).toFixed(2);
  process.stdout.write(
    `policy mutation score ${score} %: of ${mutants.length} mutants ${caught.attempt} came out in what was tried, ${caught.rule} in a rule of the schema, ${survivors.length} not at all\n`,
  );
  expect(survivors).toEqual([]);
}, 1_200_000);
