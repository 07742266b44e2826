import "postgraphile";
import {
  type FieldArgs,
  type FieldInfo,
  type ObjectStep,
  object,
  type Step,
  sideEffect,
  TRAP_ERROR,
  trap,
} from "postgraphile/grafast";
import type { ErrorCatalog } from "../errors.ts";

/**
 * An update or a deletion that finds no row is an error and not a null: the id is wrong, or belongs to somebody else, which looks
 * the same. PostGraphile gives a null for the one and an error without a code for the other.
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
          if (!(scope.isPgUpdateMutation || scope.isPgDeleteMutation) || !plan || !resource) return field;
          const thing = build.inflection
            .tableType(resource.codec)
            .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
            .toLowerCase();
          return {
            ...field,
            plan($root: Step, fieldArgs: FieldArgs, info: FieldInfo) {
              const $payload = plan($root, fieldArgs, info) as ObjectStep<{ result: Step }>;
              const $changed = $payload.getStepForKey("result");
              sideEffect(trap($changed, TRAP_ERROR, { valueForError: "PASS_THROUGH" }), (changed: unknown) => {
                if (
                  changed === null ||
                  (changed instanceof Error && changed.message.startsWith("No values were deleted"))
                ) {
                  throw errors.safe("LF006", thing, "of that id");
                }
                if (changed instanceof Error) throw changed;
              });
              // Made after the check, so that nothing of the payload comes before it.
              return object({ result: $changed });
            },
          };
        },
      },
    },
  };
}
