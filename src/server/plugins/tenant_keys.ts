import "postgraphile";

const TENANT_COLUMN = "tenant_id";

function hide(entity: { extensions?: { tags?: Record<string, unknown> } }): void {
  entity.extensions ??= {};
  entity.extensions.tags ??= {};
  entity.extensions.tags.behavior = ["-*"];
}

/**
 * Takes the tenant out of the API. A session has one tenant and the policies add it to every statement, so
 * `(tenant_id, id)` is `id` to whoever asks and `(tenant_id, slug)` is `slug`: unique keys lose their first half
 * (`journey(id:)`, `clientBySlug(slug:)`, `updateJourney(input: {id, patch})`), and neither the column nor its relation
 * to the tenant is a field or an input. Joins keep the whole pair, which is what the indexes serve.
 */
export const TenantKeysPlugin: GraphileConfig.Plugin = {
  name: "TenantKeysPlugin",
  version: "1.0.0",
  after: ["smart-tags", "PgIndexBehaviorsPlugin"],
  gather: {
    hooks: {
      pgTables_unique(_info, { unique }) {
        const [first, ...rest] = unique.attributes;
        if (first === TENANT_COLUMN && rest.length > 0) {
          unique.attributes = rest;
        }
      },
      pgCodecs_attribute(_info, { attribute, pgAttribute }) {
        if (pgAttribute.attname === TENANT_COLUMN) {
          hide(attribute);
        }
      },
      pgRelations_relation(_info, { pgConstraint, relation }) {
        const columns = pgConstraint.getAttributes()?.map((column) => column.attname);
        if (columns?.length === 1 && columns[0] === TENANT_COLUMN) {
          hide(relation);
        }
      },
    },
  },
};
