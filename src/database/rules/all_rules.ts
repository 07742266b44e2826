import { functionRules } from "./functions.ts";
import { keyRules } from "./keys.ts";
import { nameRules } from "./names.ts";
import { policyRules } from "./policies.ts";
import { roleRules } from "./roles.ts";
import type { Rule } from "./rule.ts";
import { tableRules } from "./tables.ts";
import { triggerRules } from "./triggers.ts";

/** Every rule of the schema that a query can check. */
export const allRules: readonly Rule[] = [
  ...tableRules,
  ...policyRules,
  ...keyRules,
  ...functionRules,
  ...triggerRules,
  ...nameRules,
  ...roleRules,
];
