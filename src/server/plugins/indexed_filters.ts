import "postgraphile";

declare global {
  namespace DataplanPg {
    interface PgCodecAttributeExtensions {
      /** Whether an index, not a partial one, begins with this column, the tenant's aside. */
      leadsAnIndex?: boolean;
    }
  }
}

const TENANT_COLUMN = "tenant_id";

/**
 * Filters only where an index begins with the column, the tenant's aside. PostGraphile's own rule takes a column in any place of an
 * index, which PostgreSQL 16 and 17 cannot use, and nobody can cheaply; `@isIndexed` on a column allows a filter that a partial
 * index serves. Ordering keeps the wider rule: in a list that a relation or a filter has narrowed, the second column is what sorts.
 */
export const IndexedFiltersPlugin: GraphileConfig.Plugin = {
  name: "IndexedFiltersPlugin",
  version: "1.0.0",
  after: ["PgIndexBehaviorsPlugin", "smart-tags"],
  gather: {
    hooks: {
      pgCodecs_attribute(_info, { attribute, pgAttribute }) {
        const table = pgAttribute.getClass();
        if (!table || !["r", "p", "m"].includes(table.relkind)) return;
        const leads = table.getIndexes().some((index) => {
          if (index.indpred) return false;
          const columns = index.getKeys().map((key) => key?.attname);
          return columns.find((name) => name !== TENANT_COLUMN) === pgAttribute.attname;
        });
        attribute.extensions ??= {};
        attribute.extensions.leadsAnIndex = leads;
      },
    },
  },
  schema: {
    entityBehavior: {
      pgCodecAttribute: {
        inferred: {
          after: ["inferred"],
          provides: ["postInferred"],
          callback(behavior, [codec, attributeName]) {
            const extensions = codec.attributes[attributeName]?.extensions;
            return extensions?.leadsAnIndex === false && !extensions.tags?.isIndexed
              ? [behavior, "-filterBy"]
              : behavior;
          },
        },
      },
    },
  },
};
