import "postgraphile/adaptors/pg";
import type { PgResource } from "postgraphile/@dataplan/pg";
import { context, type FieldArgs, lambda, listen, type Step } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";
import type { ErrorCatalog } from "../errors.ts";
import type { Listener } from "../listening.ts";

/**
 * importBatchChanged: moves with an import. The database notifies with the batch's id alone; whether the subscriber may see the batch is
 * asked when they subscribe, and it is read under their policies again for every event.
 *
 * @param errors where LF006 (not_found) is worded
 * @param listener what hears the database; without it, as when the schema is printed, nobody can subscribe
 */
export function importSubscriptionPlugin(errors: ErrorCatalog, listener: Listener | undefined): GraphileConfig.Plugin {
  async function visibleId([id, ctx]: readonly [string, Grafast.Context]): Promise<string> {
    const { rows } = await ctx.withPgClient(ctx.pgSettings, (client) =>
      client.query<{ id: string }>({ text: "select b.id from imports.batches b where b.id = $1", values: [id] }),
    );
    if (rows[0] === undefined) throw errors.safe("LF006", "import batch", id);
    return rows[0].id;
  }
  const batchEvents = {
    async subscribe(id: string) {
      if (listener === undefined) throw new Error("This API does not listen to the database.");
      return await listener.subscribe(`import_batch:${id}`, id);
    },
  };

  return extendSchema((build) => {
    const batches = (build.pgResources as Record<string, PgResource | undefined>).import_batches;
    if (!batches) throw new Error("imports.batches must be exposed");
    return {
      typeDefs: gql`
        extend type Subscription {
          """The import as it is now, and again whenever it has moved; null once you may no longer see it."""
          importBatchChanged(id: UUID!): ImportBatch
        }
      `,
      objects: {
        Subscription: {
          plans: {
            importBatchChanged: {
              subscribePlan(_$root: Step, fieldArgs: FieldArgs) {
                const $id = lambda([fieldArgs.getRaw("id"), context()], visibleId as never);
                return listen(batchEvents as never, $id as never);
              },
              plan($id: Step) {
                return batches.get({ id: $id as never });
              },
            },
          },
        },
      },
    };
  }, "ImportSubscriptionPlugin");
}
