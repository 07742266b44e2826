/** `landfall publish`: plan, run, status, retry, reconcile. */
import type { Command } from "commander";
import type pg from "pg";
import type { Config } from "../config.ts";
import { publishOptions } from "../publishing/options.ts";
import {
  ask,
  findByName,
  findPublication,
  type Overview,
  planJourney,
  readComparison,
  readOverviews,
  readyPublications,
} from "../publishing/overview.ts";
import type { Plan } from "../publishing/plan.ts";
import { type PublishOptions, publishJourney } from "../publishing/publish.ts";
import { reconcileLocation } from "../publishing/reconcile.ts";
import { withTenant } from "./find_tenant.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

type Options = AnswerOptions & { tenant: string; look?: boolean };

const tenantOption = ["--tenant <slug>", "the tenant"] as const;

/** What a run that nobody wakes any more has ended in. */
const failures = new Set(["failed", "partial", "blocked"]);

export function registerPublish(program: Command): void {
  const command = program.command("publish").description("Look after what goes to GoHighLevel.");
  const subcommand = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .requiredOption(...tenantOption)
      .option(...jsonOption);

  subcommand("plan", "Say what publishing a journey would do. Nothing is written.")
    .argument("<journey>", "the journey's slug or id")
    .option("--look", "read GoHighLevel, too, for what is there already and for links that do not hold")
    .action(async (name: string, options: Options) => {
      const plan = await inTenant(options, async (publishing, tenantId) => {
        const journeyId = await findByName(publishing.pool, tenantId, "journeys", name);
        return planJourney(publishing, tenantId, journeyId, options.look === true);
      });
      answer(options, plan, planLines(plan));
    });

  subcommand("run", "Bring what waits to GoHighLevel, here and now, as a worker does.")
    .argument("[publication]", "the publication's id; all that wait where nothing is given")
    .action(async (publicationId: string | undefined, options: Options) => {
      const overviews = await inTenant(options, async (publishing, tenantId) => {
        const { pool } = publishing;
        const ids =
          publicationId === undefined
            ? await readyPublications(pool, tenantId)
            : [await findPublication(pool, tenantId, publicationId)];
        for (const id of ids) await publishJourney(publishing, { tenantId, publicationId: id });
        const all = await Promise.all(ids.map((id) => readOverviews(pool, tenantId, id)));
        return all.flat();
      });
      tellOverviews(options, overviews);
      if (overviews.some(({ status }) => failures.has(status))) process.exitCode = 1;
    });

  subcommand("status", "Say how publications stand, and what needs somebody.")
    .argument("[publication]", "one publication, with all its items")
    .action(async (publicationId: string | undefined, options: Options) => {
      const overviews = await inTenant(options, async ({ pool }, tenantId) => {
        const id = publicationId === undefined ? null : await findPublication(pool, tenantId, publicationId);
        return readOverviews(pool, tenantId, id);
      });
      tellOverviews(options, overviews);
    });

  subcommand(
    "retry",
    "Let a publication try again what did not get through; a worker does it, or landfall publish run.",
  )
    .argument("<publication>", "the publication's id, as landfall publish status tells it")
    .action(async (publicationId: string, options: Options) => {
      const overviews = await inTenant(options, async ({ pool }, tenantId) => {
        const id = await findPublication(pool, tenantId, publicationId);
        await ask(pool, tenantId, "retry_publication", id);
        return readOverviews(pool, tenantId, id);
      });
      tellOverviews(options, overviews);
    });

  subcommand("reconcile", "Compare what a client's location holds with what was approved. Nothing is changed there.")
    .argument("<client>", "the client's slug or id")
    .action(async (name: string, options: Options) => {
      const comparison = await inTenant(options, async (publishing, tenantId) => {
        const { pool } = publishing;
        const clientId = await findByName(pool, tenantId, "clients", name);
        const reconciliationId = await ask(pool, tenantId, "reconcile_location", clientId);
        await reconcileLocation(publishing, { tenantId, reconciliationId });
        return readComparison(pool, tenantId, reconciliationId);
      });
      const findings = comparison?.findings ?? [];
      answer(options, comparison, [
        [`${comparison?.objects ?? 0} objects compared: ${comparison?.status ?? "unknown"}.`, comparison?.lastError]
          .filter((text) => text)
          .join(" "),
        ...findings.flatMap(({ id, kind, name: remote, differences }) => [
          `  ${kind.padEnd(10)}  ${remote ?? ""}  ${id}`,
          ...differences.map(
            ({ field, ours, theirs }) => `              ${field}: ${shown(ours)} here, ${shown(theirs)} there`,
          ),
        ]),
        findings.length === 0
          ? "Nothing differs."
          : "Decide in the API, by the id: acceptRemote, pushAgain or forgetRemote.",
      ]);
      if (comparison?.status === "failed") process.exitCode = 1;
    });
}

function inTenant<Result>(
  { tenant }: Options,
  work: (publishing: PublishOptions, tenantId: string) => Promise<Result>,
): Promise<Result> {
  const stopping = new AbortController();
  process.once("SIGINT", () => stopping.abort());
  return withTenant(tenant, (pool: pg.Pool, tenantId: string, config: Config) => {
    const publishing = publishOptions({ config, pool }, stopping.signal);
    // The answer says how it went: beside it the log has only what nobody expected, unless LOG_LEVEL asks for more.
    if (publishing.log.level === "warn") publishing.log.level = "error";
    return work(publishing, tenantId);
  });
}

const shownLength = 60;

/** A text on one line, and not all of a long one. */
function shown(text: string | null): string {
  if (text === null) return "nothing";
  const line = text.replace(/\s+/g, " ").trim();
  return `"${line.length > shownLength ? `${line.slice(0, shownLength)}…` : line}"`;
}

function planLines(plan: Plan): string[] {
  const of = plan.version === null ? "the journey as it is" : `version ${plan.version}, ${plan.source}`;
  const over = plan.publishedVersion === null ? "" : ` over version ${plan.publishedVersion}`;
  const place = plan.ghlLocationId === null ? "" : `, location ${plan.ghlLocationId}`;
  const calls = `${plan.estimatedCalls} ${plan.estimatedCalls === 1 ? "call" : "calls"}`;
  return [
    `Publishing ${of}${over}, for ${plan.clientName}${place}, about ${calls}:`,
    ...(plan.obstacle === null ? [] : [`  In the way: ${plan.obstacle}`]),
    ...plan.items.flatMap((item) => [
      `  ${item.action.padEnd(9)}  ${item.assetKind.padEnd(12)}  ${item.name}${item.reason === null || item.reason === plan.obstacle ? "" : `: ${item.reason}`}`,
      ...item.findings.map((finding) => `               ${finding.kind}: ${finding.detail}`),
      ...item.changes.map((change) => `               ${change.field} changes`),
    ]),
    ...plan.removed.map(
      ({ name, remoteName }) => `  stays      ${remoteName ?? name}: it is no longer part of the journey`,
    ),
  ];
}

function tellOverviews(options: AnswerOptions, overviews: Overview[]): void {
  answer(
    options,
    overviews,
    overviews.length === 0 ? ["Nothing is published, and nothing waits."] : overviews.flatMap(overviewLines),
  );
}

function overviewLines(overview: Overview): string[] {
  const { id, name, version, status, itemsTotal, itemsSynced, itemsManual, itemsFailed, lastError, items } = overview;
  return [
    `${id}  ${status}  ${name ?? ""}${version === null ? "" : `, version ${version}`}: ${itemsSynced} of ${itemsTotal} synced, ${itemsManual} by hand, ${itemsFailed} failed`,
    ...(lastError === null ? [] : [`  ${lastError}`]),
    ...items.map(
      (item) =>
        `  ${item.status.padEnd(14)}  ${item.assetKind.padEnd(12)}  ${item.name}${item.lastError === null ? "" : `: ${item.lastError}`}`,
    ),
  ];
}
