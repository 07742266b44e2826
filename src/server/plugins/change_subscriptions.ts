import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { context, type FieldArgs, lambda, listen, type Step } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import type { ErrorCatalog } from "../errors.ts";
import type { Listener } from "../listening.ts";

/** Rows that can be watched: the database notifies on `<channel>:<id>` when one of them has moved. */
interface Watched {
  field: string;
  type: string;
  resource: string;
  table: string;
  channel: string;
  noun: string;
  description: string;
}

const watched: readonly Watched[] = [
  {
    field: "importBatchChanged",
    type: "ImportBatch",
    resource: "import_batches",
    table: "imports.batches",
    channel: "import_batch",
    noun: "import batch",
    description: "The import as it is now, and again whenever it has moved; null once you may no longer see it.",
  },
  {
    field: "publicationChanged",
    type: "Publication",
    resource: "publications",
    table: "publishing.publications",
    channel: "publication",
    noun: "publication",
    description: "The publication as it is now, and again whenever it has moved; null once you may no longer see it.",
  },
  {
    field: "leadgenPipelineRunChanged",
    type: "LeadgenPipelineRun",
    resource: "leadgen_pipeline_runs",
    table: "leadgen.pipeline_runs",
    channel: "pipeline_run",
    noun: "run",
    description: "The run as it is now, and again whenever it has moved; null once you may no longer see it.",
  },
];

/**
 * Subscriptions that move with a row. The database notifies with the row's id alone; whether the subscriber may see the row is asked when
 * they subscribe, and it is read under their policies again for every event.
 *
 * @param errors where LF006 (not_found) is worded
 * @param listener what hears the database; without it, as when the schema is printed, nobody can subscribe
 */
export function changeSubscriptionsPlugin(errors: ErrorCatalog, listener: Listener | undefined): GraphileConfig.Plugin {
  const plansOf = ({ table, channel, noun }: Watched, resource: PgResource) => {
    async function visibleId([id, ctx]: readonly [string, Grafast.Context]): Promise<string> {
      const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
        client.query<{ id: string }>({
          text: `select watched.id from ${table} watched where watched.id = $1`,
          values: [id],
        }),
      );
      if (rows[0] === undefined) throw errors.safe("LF006", noun, id);
      return rows[0].id;
    }
    const events = {
      async subscribe(id: string) {
        if (listener === undefined) throw new Error("This API does not listen to the database.");
        return await listener.subscribe(`${channel}:${id}`, id);
      },
    };
    return {
      subscribePlan(_$root: Step, fieldArgs: FieldArgs) {
        const $id = lambda([fieldArgs.getRaw("id"), context()], visibleId as never);
        return listen(events as never, $id as never);
      },
      plan($id: Step) {
        return resource.get({ id: $id as never });
      },
    };
  };

  return extendSchema((build) => {
    const resources = build.pgResources as Record<string, PgResource | undefined>;
    const plans = watched.map((one) => {
      const resource = resources[one.resource];
      if (!resource) throw new Error(`${one.table} must be exposed`);
      return [one.field, plansOf(one, resource)] as const;
    });
    const fields = watched.map(({ field, type, description }) => `"""${description}"""\n${field}(id: UUID!): ${type}`);
    return {
      typeDefs: gql`extend type Subscription { ${fields.join("\n")} }`,
      objects: { Subscription: { plans: Object.fromEntries(plans) } },
    };
  }, "ChangeSubscriptionsPlugin");
}
