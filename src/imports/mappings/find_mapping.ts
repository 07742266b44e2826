import { fail } from "../../errors.ts";
import { bloom } from "./bloom.ts";
import { leadgen } from "./leadgen.ts";
import type { Mapping } from "./mapping.ts";

export const mappings: Mapping[] = [bloom, leadgen];

/**
 * The mapping that `--mapping` names.
 *
 * @throws LandfallError `mapping_unknown`
 */
export function findMapping(name: string): Mapping {
  return (
    mappings.find((mapping) => mapping.name === name) ??
    fail(
      "mapping_unknown",
      `There is no mapping "${name}".`,
      `Choose one of: ${mappings.map((mapping) => mapping.name).join(", ")}.`,
    )
  );
}
