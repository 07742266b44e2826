import "postgraphile";
import {
  type ASTNode,
  BREAK,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLNamedType,
  type GraphQLSchema,
  getEnterLeaveForKind,
  getNamedType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationRule,
  visitInParallel,
} from "postgraphile/graphql";
import type { ErrorCatalog } from "../errors.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "./pages.ts";

/** What one operation may ask for. */
export interface Budget {
  /** Fields inside of fields. */
  depth: number;
  /** Lists inside of lists. */
  "depth of lists": number;
  "root fields": number;
  aliases: number;
  directives: number;
  fields: number;
  /** Rows at most: the sizes of nested pages multiplied, a page of unknown size counted as a full one. */
  rows: number;
}

/** Enough for every screen of a frontend, too little to drown the database. */
export const DEFAULT_BUDGET: Budget = {
  depth: 10,
  "depth of lists": 3,
  "root fields": 10,
  aliases: 15,
  directives: 5,
  fields: 300,
  rows: 20_000,
};

const limits = Object.keys(DEFAULT_BUDGET) as (keyof Budget)[];

/** Where a selection stands: how deep, and in how many rows it comes back. */
interface Place {
  type: GraphQLNamedType | undefined;
  depth: number;
  lists: number;
  rows: number;
  /** Whether the field above is a connection, which was counted as the list that it is. */
  isInConnection: boolean;
  /** What the field above was asked for, where it is no list itself but holds one: a page of a function. */
  pageSize: number;
  fragments: readonly string[];
}

/** What an operation asks for, counted until the first limit is passed: fragments can multiply like rabbits. */
function overspent(
  schema: GraphQLSchema,
  fragmentNamed: (name: string) => FragmentDefinitionNode | null | undefined,
  operation: OperationDefinitionNode,
  budget: Budget,
): keyof Budget | undefined {
  const spent = Object.fromEntries(limits.map((name) => [name, 0])) as Record<keyof Budget, number>;
  const over = () => limits.find((name) => spent[name] > budget[name]);
  const visit = (set: SelectionSetNode, place: Place): void => {
    for (const selection of set.selections) {
      if (over()) return;
      spent.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) visitField(selection, place);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        visit(selection.selectionSet, {
          ...place,
          type: condition === undefined ? place.type : schema.getType(condition),
        });
      } else if (!place.fragments.includes(selection.name.value)) {
        const fragment = fragmentNamed(selection.name.value);
        if (!fragment) continue;
        visit(fragment.selectionSet, {
          ...place,
          type: schema.getType(fragment.typeCondition.name.value),
          fragments: [...place.fragments, fragment.name.value],
        });
      }
    }
  };
  const visitField = (field: FieldNode, place: Place): void => {
    // Introspection reads nothing of the database; where it is not wanted, another rule refuses it.
    if (field.name.value === "__schema" || field.name.value === "__type") return;
    spent.fields += 1;
    if (field.alias) spent.aliases += 1;
    if (place.depth === 1) spent["root fields"] += 1;
    spent.depth = Math.max(spent.depth, place.depth);
    const { type, isList, isConnection } = kindOf(place.type, field);
    const isPage = isConnection || (isList && !place.isInConnection && field.selectionSet !== undefined);
    const lists = place.lists + (isPage ? 1 : 0);
    const size = pageSize(field) ?? (isPage ? place.pageSize : DEFAULT_PAGE_SIZE);
    const rows = place.rows * (isPage ? size : 1);
    spent["depth of lists"] = Math.max(spent["depth of lists"], lists);
    if (isPage) spent.rows += rows;
    if (!field.selectionSet) return;
    visit(field.selectionSet, {
      ...place,
      type,
      depth: place.depth + 1,
      lists,
      rows,
      isInConnection: isConnection,
      pageSize: isPage ? DEFAULT_PAGE_SIZE : size,
    });
  };
  visit(operation.selectionSet, {
    type: schema.getRootType(operation.operation) ?? undefined,
    depth: 1,
    lists: 0,
    rows: 1,
    isInConnection: false,
    pageSize: DEFAULT_PAGE_SIZE,
    fragments: [],
  });
  return over();
}

/**
 * The first limit that an operation of a document passes; undefined where none does.
 *
 * @param schema what the document is for
 * @param document any number of operations, with their fragments
 */
export function overspentLimit(
  schema: GraphQLSchema,
  document: DocumentNode,
  budget: Budget,
): keyof Budget | undefined {
  const fragments = new Map(
    document.definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])),
  );
  for (const one of document.definitions) {
    if (one.kind !== Kind.OPERATION_DEFINITION) continue;
    const limit = overspent(schema, (name) => fragments.get(name), one, budget);
    if (limit !== undefined) return limit;
  }
  return undefined;
}

/** What a field gives; nothing is known of one that the schema does not have, which another rule refuses. */
function kindOf(parent: GraphQLNamedType | undefined, field: FieldNode) {
  const declared =
    isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[field.name.value]?.type : undefined;
  if (declared === undefined) return { type: undefined, isList: false, isConnection: false };
  const type = getNamedType(declared);
  const isList = isListType(isNonNullType(declared) ? declared.ofType : declared);
  return { type, isList, isConnection: !isList && type.name.endsWith("Connection") };
}

/** How many rows a page can have, where the field says it. What a variable says is not known yet, so it is taken for the most that is allowed. */
function pageSize(field: FieldNode): number | undefined {
  const sizes = (field.arguments ?? []).filter(({ name }) => name.value === "first" || name.value === "last");
  if (sizes.length === 0) return undefined;
  const known = sizes.map(({ value }) => (value.kind === Kind.INT ? Number.parseInt(value.value, 10) : MAX_PAGE_SIZE));
  return Math.min(MAX_PAGE_SIZE, ...known.map((size) => Math.max(size, 0)));
}

/**
 * Every rule of validation in one, with the budget in front: an operation that asks for too much is refused with LF904 before another
 * rule compares its fields with each other, which takes time by their square.
 *
 * @param errors where LF904 (over_budget) is worded
 * @param budget the limits
 * @param rules what else an operation must obey
 */
export function budgetFirst(errors: ErrorCatalog, budget: Budget, rules: readonly ValidationRule[]): ValidationRule {
  return (context) => {
    const others = visitInParallel(rules.map((rule) => rule(context)));
    return {
      enter(node: ASTNode, ...place) {
        if (node.kind === Kind.DOCUMENT) {
          const isOver = node.definitions.some((definition) => {
            if (definition.kind !== Kind.OPERATION_DEFINITION) return false;
            const limit = overspent(context.getSchema(), (name) => context.getFragment(name), definition, budget);
            if (limit === undefined) return false;
            const { message, extensions } = errors.word("LF904", `more than ${budget[limit]} ${limit}`);
            context.reportError(new GraphQLError(message, { nodes: definition, extensions: { ...extensions } }));
            return true;
          });
          if (isOver) return BREAK;
        }
        return getEnterLeaveForKind(others, node.kind).enter?.call(others, node, ...place);
      },
      leave(node: ASTNode, ...place) {
        return getEnterLeaveForKind(others, node.kind).leave?.call(others, node, ...place);
      },
    };
  };
}

/**
 * Limits on what one operation may ask for.
 *
 * @param errors where LF904 is worded
 * @param rules what an operation must obey beside GraphQL's own rules
 * @param budget the limits; DEFAULT_BUDGET where nothing is said
 */
export function budgetPlugin(
  errors: ErrorCatalog,
  rules: readonly ValidationRule[] = [],
  budget: Budget = DEFAULT_BUDGET,
): GraphileConfig.Plugin {
  return {
    name: "BudgetPlugin",
    version: "1.0.0",
    grafserv: {
      middleware: {
        setPreset(next, event) {
          const all = event.validationRules.splice(0);
          event.validationRules.push(budgetFirst(errors, budget, [...all, ...rules]));
          return next();
        },
      },
    },
  };
}
