import { z } from "zod";
import { type Call, locationOf } from "./calls.ts";
import { deedSchema } from "./people.ts";
import { createRandom } from "./random.ts";

/**
 * What can go wrong with a call. "Before" kinds leave no trace in the account, "commit-then" kinds are applied although
 * the caller learns nothing, the others bend the answer or the moment at which something becomes visible.
 */
export const faultSchema = z.object({
  kind: z.enum([
    "status",
    "delay",
    "hang-before-commit",
    "reset-before-commit",
    "commit-then-hang",
    "commit-then-reset",
    "commit-then-status",
    "422-but-created",
    "content-dropped",
    "invalid-json",
    "without-id",
    "late-commit",
    "list-lag",
    "slow-drip",
    "redirect",
    "maintenance",
    "deed",
  ]),
  /** Which calls it meets; every part that is given must match. `path` is a regular expression on the path. */
  method: z.string().optional(),
  path: z.string().optional(),
  locationId: z.string().optional(),
  /** How many matching calls pass unharmed first. */
  skip: z.number().int().min(0).default(0),
  /** How many matching calls are then hit. */
  count: z.number().int().min(1).default(1),
  /** How likely each matching call is to be hit, drawn from the script's seed; 1 where nothing is said. */
  probability: z.number().min(0).max(1).default(1),
  /** What somebody does in the account as this call arrives, for the kind `deed`. */
  deed: deedSchema.optional(),
  /** Whether what the call makes loses its content besides: a half-made object. */
  dropsContent: z.boolean().default(false),
  status: z.number().int().optional(),
  body: z.string().optional(),
  contentType: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  ms: z.number().int().min(0).optional(),
});

export type Fault = z.infer<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;

export type Faults = {
  add(faults: FaultInput[]): void;
  /** Begins the draws of `probability` anew. */
  seed(seed: number): void;
  clear(): void;
  /** The fault that this call meets, if any; counts it as used. */
  take(call: Call): Fault | null;
  waiting(): Fault[];
};

function matches(fault: Fault, call: Call): boolean {
  if (fault.method !== undefined && fault.method !== call.method) return false;
  if (fault.path !== undefined && !new RegExp(fault.path).test(call.path)) return false;
  return fault.locationId === undefined || fault.locationId === locationOf(call);
}

/** A script of faults, met in the order in which they were added. */
export function createFaults(): Faults {
  let script: Fault[] = [];
  let random = createRandom(0);
  return {
    seed(seed) {
      random = createRandom(seed);
    },
    add(faults) {
      script.push(...faults.map((fault) => faultSchema.parse(fault)));
    },
    clear() {
      script = [];
    },
    take(call) {
      for (const fault of script) {
        if (!matches(fault, call)) continue;
        if (fault.skip > 0) {
          fault.skip -= 1;
          continue;
        }
        if (fault.probability < 1 && random() >= fault.probability) continue;
        fault.count -= 1;
        if (fault.count === 0) script = script.filter((other) => other !== fault);
        return fault;
      }
      return null;
    },
    waiting: () => script,
  };
}
