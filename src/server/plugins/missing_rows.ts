import "postgraphile";
import { type FieldArgs, type FieldInfo, type ObjectStep, object, type Step, sideEffect } from "postgraphile/grafast";
import type { ErrorCatalog } from "../errors.ts";

/**
 * An update that finds no row is an error and not a null: the id is wrong, or belongs to somebody else, which looks the same.
 * (A deletion that finds none fails by itself; makeMaskError words it alike.)
 *
 * @param errors where LF006 (not_found) is worded
 */
export function missingRowsPlugin(errors: ErrorCatalog): GraphileConfig.Plugin {
  return {
    name: "MissingRowsPlugin",
    version: "1.0.0",
    after: ["PgMutationUpdateDeletePlugin"],
    schema: {
      hooks: {
        GraphQLObjectType_fields_field(field, build, { scope }) {
          const { plan } = field;
          const resource = scope.pgFieldResource;
          if (!scope.isPgUpdateMutation || !plan || !resource) return field;
          const thing = build.inflection
            .tableType(resource.codec)
            .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
            .toLowerCase();
          return {
            ...field,
            plan($root: Step, fieldArgs: FieldArgs, info: FieldInfo) {
              const $payload = plan($root, fieldArgs, info) as ObjectStep<{ result: Step }>;
              const $updated = $payload.getStepForKey("result");
              sideEffect($updated, (updated) => {
                if (updated === null) throw errors.safe("LF006", thing, "of that id");
              });
              // Made after the check, so that nothing of the payload comes before it.
              return object({ result: $updated });
            },
          };
        },
      },
    },
  };
}
