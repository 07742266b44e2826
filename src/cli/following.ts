/** What the commands that read a source have in common: which source, and the bars that show how far they are. */
import { MultiBar, type SingleBar } from "cli-progress";
import { type Command, InvalidArgumentError, Option } from "commander";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { importAccess } from "../imports/import_access.ts";
import { mappings } from "../imports/mappings/find_mapping.ts";
import { type ConflictPolicy, conflictPolicies } from "../imports/mappings/mapping.ts";
import type { Progress } from "../imports/pipeline/steps.ts";
import type { Following } from "../imports/run_import.ts";
import { withTenant } from "./find_tenant.ts";
import { type AnswerOptions, jsonOption, tell } from "./output.ts";

/** What a command takes that belongs to a tenant. */
export interface TenantOptions extends AnswerOptions {
  tenant: string;
}

/** What a command takes that reads a source. */
export interface SourceOptions extends TenantOptions {
  mapping: string;
  from: string;
  onConflict: ConflictPolicy;
  deleteThreshold: number;
}

/** Text of the option that names the tenant. */
export const tenantOption = ["--tenant <slug>", "the tenant that the rows belong to"] as const;

/** Gives a command the options of every command that reads a source. */
export function takeSource(command: Command): Command {
  return command
    .requiredOption("--mapping <name>", `how to read it: ${mappings.map(({ name }) => name).join(", ")}`)
    .requiredOption("--from <source>", "a snapshot folder, or airtable:<base id>")
    .requiredOption(...tenantOption)
    .addOption(
      new Option("--on-conflict <policy>", "whose value stays where the source and people both changed a column")
        .choices(conflictPolicies)
        .default("hold"),
    )
    .option(
      "--delete-threshold <percent>",
      "how many percent of a collection may be gone from the source, and be deleted here",
      parsePercent,
      5,
    )
    .option(...jsonOption);
}

function parsePercent(text: string): number {
  const percent = Number(text);
  if (text.trim() === "" || !(percent >= 0 && percent <= 100)) {
    throw new InvalidArgumentError("Give a number from 0 to 100.");
  }
  return percent;
}

/**
 * Works with what it takes to stay with a batch, and shows on a terminal how far it is.
 *
 * @param work is given a way to tell a line, which goes above the bars
 */
export async function withFollowing<Result>(
  options: TenantOptions,
  work: (following: Following, tellAbove: (line: string) => void) => Promise<Result>,
): Promise<Result> {
  const progress = makeProgress();
  try {
    return await withTenant(options.tenant, async (pool, tenantId, config) => {
      const files = await openFileStore(config.files);
      await files.tryOut("change");
      const access = importAccess(config, files);
      return await work({ pool, tenantId, access, onProgress: progress.show }, progress.tell);
    });
  } finally {
    progress.stop();
  }
}

/** One bar for each collection, on stderr, and only on a terminal. How many records a source has is known when all are read. */
function makeProgress(): { show: Progress; tell(line: string): void; stop(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, tell, stop: () => {} };
  const bars = new MultiBar({
    format: "{collection} [{bar}] {value} {step}",
    hideCursor: true,
    stream: process.stderr,
  });
  const known = new Map<string, SingleBar>();
  const landed = new Map<string, number>();
  return {
    show: (step, collection, done) => {
      if (step === "land") landed.set(collection, done);
      const total = landed.get(collection) ?? done;
      const bar = known.get(collection) ?? bars.create(total, 0, { collection: collection.padEnd(16), step: "" });
      known.set(collection, bar);
      bar.setTotal(Math.max(total, 1));
      bar.update(step === "land" ? 0 : done, {
        step: step === "land" ? `${done} read` : step === "load" ? "in" : "back",
      });
    },
    tell: (line) => {
      if (known.size === 0) return tell(line);
      bars.log(`${line}\n`);
      bars.update();
    },
    stop: () => bars.stop(),
  };
}
