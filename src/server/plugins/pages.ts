import "postgraphile";
import { type ConnectionStep, constant, type FieldArgs, type FieldInfo, lambda, type Step } from "postgraphile/grafast";
import type { ErrorCatalog } from "../errors.ts";

/** Rows of a page that nobody asked a size for. */
export const DEFAULT_PAGE_SIZE = 25;

/** Most rows of a page; `pageInfo.endCursor` leads to the next one. */
export const MAX_PAGE_SIZE = 100;

type Sizes = readonly [first: number | null | undefined, last: number | null | undefined];

/**
 * Pages of 25 rows unless asked, of 100 at most: every connection, nested ones and those of functions included.
 *
 * @param errors where LF903 (page_too_large) is worded
 */
export function pagesPlugin(errors: ErrorCatalog): GraphileConfig.Plugin {
  const checkSize = (size: number | null | undefined): number | null => {
    if (size === null || size === undefined) return null;
    if (size < 0 || size > MAX_PAGE_SIZE) throw errors.safe("LF903", String(size), String(MAX_PAGE_SIZE));
    return size;
  };
  const firstOf = ([first, last]: Sizes) => checkSize(first) ?? (last == null ? DEFAULT_PAGE_SIZE : null);
  const lastOf = ([, last]: Sizes) => checkSize(last);
  return {
    name: "PagesPlugin",
    version: "1.0.0",
    after: ["PgFirstLastBeforeAfterArgsPlugin"],
    schema: {
      hooks: {
        GraphQLObjectType_fields_field_args(args, _build, { scope }) {
          if (!scope.isPgFieldConnection) return args;
          const { first, last } = args;
          if (first) {
            first.description = `Only the first rows: ${DEFAULT_PAGE_SIZE} unless asked, ${MAX_PAGE_SIZE} at most.`;
            first.applyPlan = undefined;
          }
          if (last) {
            last.description = `Only the last rows: ${MAX_PAGE_SIZE} at most.`;
            last.applyPlan = undefined;
          }
          return args;
        },
        GraphQLObjectType_fields_field(field, _build, { scope }) {
          const plan = field.plan;
          if (!scope.isPgFieldConnection || !plan) return field;
          return {
            ...field,
            plan($parent: Step, fieldArgs: FieldArgs, info: FieldInfo) {
              const $connection = plan($parent, fieldArgs, info) as ConnectionStep<Step>;
              // The lists of functions have no `last`.
              const $last = (fieldArgs.getRaw("last") as Step | undefined) ?? constant(null);
              const sizes: [Step, Step] = [fieldArgs.getRaw("first"), $last];
              $connection.setFirst(lambda(sizes, firstOf as never));
              $connection.setLast(lambda(sizes, lastOf as never));
              return $connection;
            },
          };
        },
      },
    },
  };
}
