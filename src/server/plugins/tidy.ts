import "postgraphile";
import type { PgCodec, PgResource } from "postgraphile/@dataplan/pg";

/** Aggregates that reports are made of; nobody ever asked for the variance of a journey. */
const AGGREGATES = new Set(["sum", "distinctCount", "min", "max", "average"]);

/** A unique key that people hold in their hands, such as a slug, or a journey and a version; longer ones are bookkeeping. */
const MAX_HANDLE_COLUMNS = 2;

/**
 * Leaves one way to do a thing, and names results after what they are:
 *
 * - rows are updated and deleted by their primary key alone, and found by short unique keys that do not repeat it;
 * - the payload of submitJourney has `journey`, that of reorderTouchpoints `touchpoints`; only scalars are a `result`;
 * - the comment on a foreign key is the error that it gives, not the description of the relation.
 */
export const TidyPlugin: GraphileConfig.Plugin = {
  name: "TidyPlugin",
  version: "1.0.0",
  after: ["smart-tags", "PgCustomTypeFieldPlugin", "PgAggregatesSpecsPlugin"],
  inflection: {
    replace: {
      functionMutationResultFieldName(_previous, _preset, { resource }) {
        const tag = resource.extensions?.tags?.resultFieldName;
        if (typeof tag === "string") return tag;
        const codec = (resource as PgResource).codec as PgCodec;
        if (!codec.attributes || codec.isAnonymous) return "result";
        const row = this._singularizedCodecName(codec as never);
        return this.camelCase(resource.isUnique ? row : this.distinctPluralize(row));
      },
    },
  },
  gather: {
    hooks: {
      pgTables_unique(_info, { unique }) {
        delete unique.description;
      },
      pgRelations_relation(_info, { relation }) {
        delete relation.description;
      },
    },
  },
  schema: {
    entityBehavior: {
      pgResourceUnique: {
        inferred: {
          after: ["inferred"],
          provides: ["postInferred"],
          callback(behavior, [resource, unique]) {
            if (unique.isPrimary) return behavior;
            const primary = (resource as PgResource).uniques.find((other) => other.isPrimary);
            const isHandle =
              unique.attributes.length <= MAX_HANDLE_COLUMNS &&
              !primary?.attributes.some((name: string) => unique.attributes.includes(name));
            return [
              behavior,
              "-constraint:resource:update",
              "-constraint:resource:delete",
              ...(isHandle ? [] : ["-query:resource:single" as const]),
            ];
          },
        },
      },
    },
    hooks: {
      build: {
        after: ["PgAggregatesSpecsPlugin"],
        callback(build) {
          build.pgAggregateSpecs = build.pgAggregateSpecs?.filter((spec) => AGGREGATES.has(spec.id));
          return build;
        },
      },
    },
  },
};
