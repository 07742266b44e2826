import "postgraphile";
import type { PgResource, PgResourceParameter } from "postgraphile/@dataplan/pg";

/**
 * What the arguments of a query function are, said where the function is: a line `@argument batchId Only of this batch.` in its comment for
 * each. A line for an argument that is not there stops the build.
 */
export const ArgumentsPlugin: GraphileConfig.Plugin = {
  name: "ArgumentsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLObjectType_fields_field_args(args, build, { scope }) {
        if (!scope.isRootQuery) return args;
        const { inflection } = build;
        const described = Object.values(build.pgResources).find((one) => {
          if (!one.parameters || one.extensions?.tags?.argument === undefined) return false;
          const resource = one as PgResource<never, never, never, readonly PgResourceParameter[], never>;
          const names = [inflection.customQueryField({ resource }), inflection.customQueryListField({ resource })];
          return names.includes(scope.fieldName);
        });
        for (const line of [described?.extensions?.tags?.argument ?? []].flat()) {
          const [, name = "", description = ""] = /^(\w+)\s+(.+)$/.exec(String(line)) ?? [];
          const argument = args[name];
          if (!argument)
            throw new Error(`${scope.fieldName} has no argument "${name}" that its comment could describe`);
          argument.description = description;
        }
        return args;
      },
    },
  },
};
