import "postgraphile";
import {
  listOfCodec,
  type PgCodec,
  type PgResource,
  type PgSelectSingleStep,
  pgSelectFromRecords,
  TYPES,
} from "postgraphile/@dataplan/pg";
import { sql } from "postgraphile/pg-sql2";

/**
 * Rows that a composite type holds in an array, such as the companies of a page, keep the order they have there. PostGraphile unnests them
 * and joins their relations to them, after which PostgreSQL gives them in any order.
 */
export const OrderedRowsPlugin: GraphileConfig.Plugin = {
  name: "OrderedRowsPlugin",
  version: "1.0.0",
  after: ["PgAttributesPlugin"],
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, build, { scope, Self }) {
        const attribute = scope.pgFieldAttribute;
        const rowCodec = attribute?.codec.arrayOfCodec as PgCodec | undefined;
        if (!rowCodec?.attributes?.id) return field;
        const [name] = Object.entries(scope.pgCodec?.attributes ?? {}).find(([, one]) => one === attribute) ?? [];
        const resource = Object.values(build.pgResources).find((one) => one.codec === rowCodec && !one.parameters);
        if (!name || !resource) throw new Error(`${Self.name} has rows of ${rowCodec.name}, which is no table`);
        return {
          ...field,
          plan($page: PgSelectSingleStep) {
            const $rows = $page.get(name);
            const $select = pgSelectFromRecords(resource as PgResource, $rows as never);
            const rows = $select.placeholder($rows as never, listOfCodec(rowCodec as never));
            $select.orderBy({
              fragment: sql`array_position(array(select r.id from unnest(${rows}) r), ${$select.alias}.id)`,
              codec: TYPES.int,
              direction: "ASC",
            });
            $select.setTrusted();
            return $select;
          },
        };
      },
    },
  },
};
