import { z } from "zod";
import { type Answer, refuse } from "./answers.ts";
import type { Call } from "./calls.ts";
import type { Clock } from "./clock.ts";
import { type Faults, faultSchema } from "./faults.ts";
import type { Journal } from "./journal.ts";
import type { Limiter } from "./limits.ts";
import { deedSchema, doDeed } from "./people.ts";
import { check, parseBody } from "./schemas.ts";
import { emptyState, stateSchema } from "./state.ts";
import type { Store } from "./store.ts";
import { defaultSwitches, type Switches, switchesSchema } from "./switches.ts";
import { type Tokens, tokenSchema } from "./tokens.ts";

export type Machinery = {
  store: Store;
  clock: Clock;
  faults: Faults;
  journal: Journal;
  limiter: Limiter;
  tokens: Tokens;
  switches: Switches;
};

const clockBody = z.strictObject({ advanceMs: z.number().int().min(0) });
const limitsBody = z.strictObject({
  max: z.number().int().min(1),
  intervalMs: z.number().int().min(1),
  daily: z.number().int().min(0),
  counted: z.enum(["location", "account"]).default("location"),
});
const seedBody = z.strictObject({ seed: z.number().int().min(0) });

type Command = (machinery: Machinery, body: unknown) => unknown;

/** What tests and curious people do to the stand-in itself; GoHighLevel has nothing like it. */
const commands: Record<string, Command> = {
  "GET /__fake/state": ({ store }) => store.state,
  "GET /__fake/journal": ({ journal }) => journal.entries(),
  "GET /__fake/faults": ({ faults }) => faults.waiting(),
  "POST /__fake/faults": ({ faults }, body) => {
    faults.add(check(z.array(faultSchema), body));
    return faults.waiting();
  },
  "POST /__fake/random": ({ faults }, body) => {
    const { seed } = check(seedBody, body);
    faults.seed(seed);
    return { seed };
  },
  "POST /__fake/tokens": ({ tokens }, body) => {
    tokens.accept(check(tokenSchema, body));
    return {};
  },
  "POST /__fake/people": (machinery, body) => ({ met: doDeed(check(deedSchema, body), machinery) }),
  "GET /__fake/switches": ({ switches }) => switches,
  "POST /__fake/switches": ({ switches }, body) =>
    Object.assign(switches, check(switchesSchema, { ...switches, ...(body as object) })),
  "DELETE /__fake/faults": ({ faults }) => {
    faults.clear();
    return [];
  },
  "POST /__fake/seed": ({ store }, body) => {
    store.replace(check(stateSchema, body));
    return store.state;
  },
  "POST /__fake/reset": ({ store, faults, journal, limiter, switches }) => {
    Object.assign(switches, defaultSwitches());
    store.replace(emptyState());
    faults.clear();
    journal.clear();
    limiter.reset();
    return store.state;
  },
  "POST /__fake/clock": ({ clock }, body) => {
    clock.advance(check(clockBody, body).advanceMs);
    return { now: new Date(clock.now()).toISOString() };
  },
  "POST /__fake/limits": ({ limiter }, body) => {
    limiter.settings = check(limitsBody, body);
    limiter.reset();
    return limiter.settings;
  },
};

/** Answers one call of the admin API. */
export function administer(machinery: Machinery, call: Call): Answer {
  const command = commands[`${call.method} ${call.path}`];
  if (command === undefined)
    refuse(404, `Cannot ${call.method} ${call.path}. Known: ${Object.keys(commands).join(", ")}`);
  return { status: 200, body: command(machinery, parseBody(call.rawBody)) };
}
