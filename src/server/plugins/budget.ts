import "postgraphile";
import {
  type ASTVisitor,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from "postgraphile/graphql";
import type { ErrorCatalog } from "../errors.ts";

/** What one operation may ask for. */
export interface Budget {
  depth: number;
  rootFields: number;
  aliases: number;
  directives: number;
  fields: number;
}

/** Enough for every screen of a frontend, too little to drown the database. */
export const DEFAULT_BUDGET: Budget = { depth: 10, rootFields: 10, aliases: 15, directives: 5, fields: 300 };

type Spent = { -readonly [K in keyof Budget]: number };

/**
 * A validation rule that adds up what each operation asks for, fragments followed wherever they are spread, and refuses it with
 * LF904 before anything is planned. Introspection is not counted.
 *
 * @param errors where LF904 (over_budget) is worded
 * @param budget the limits
 */
export function budgetRule(errors: ErrorCatalog, budget: Budget): (context: ValidationContext) => ASTVisitor {
  return (context) => ({
    OperationDefinition(operation) {
      const spent: Spent = { depth: 0, rootFields: 0, aliases: 0, directives: 0, fields: 0 };
      // Fragments can multiply like rabbits; counting ends with the first limit that is passed.
      const over = (): keyof Budget | undefined =>
        (Object.keys(budget) as (keyof Budget)[]).find((name) => spent[name] > budget[name]);
      const visit = (set: SelectionSetNode, depth: number, within: readonly string[]): void => {
        for (const selection of set.selections) {
          if (over()) return;
          spent.directives += selection.directives?.length ?? 0;
          if (selection.kind === Kind.FIELD) {
            if (selection.name.value === "__schema" || selection.name.value === "__type") continue;
            spent.fields += 1;
            if (selection.alias) spent.aliases += 1;
            if (depth === 1) spent.rootFields += 1;
            spent.depth = Math.max(spent.depth, depth);
            if (selection.selectionSet) visit(selection.selectionSet, depth + 1, within);
          } else if (selection.kind === Kind.INLINE_FRAGMENT) {
            visit(selection.selectionSet, depth, within);
          } else if (!within.includes(selection.name.value)) {
            const fragment = context.getFragment(selection.name.value);
            if (fragment) visit(fragment.selectionSet, depth, [...within, fragment.name.value]);
          }
        }
      };
      visit(operation.selectionSet, 1, []);
      const limit = over();
      if (limit) {
        const { message, extensions } = errors.word("LF904", `${limit} over ${budget[limit]}`);
        context.reportError(new GraphQLError(message, { nodes: operation, extensions: { ...extensions } }));
      }
      return false;
    },
  });
}

/**
 * Limits on depth, root fields, aliases, directives and fields of an operation.
 *
 * @param errors where LF904 is worded
 * @param budget the limits; DEFAULT_BUDGET where nothing is said
 */
export function budgetPlugin(errors: ErrorCatalog, budget: Budget = DEFAULT_BUDGET): GraphileConfig.Plugin {
  return {
    name: "BudgetPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        setPreset(next, event) {
          event.validationRules.push(budgetRule(errors, budget));
          return next();
        },
      },
    },
  };
}
