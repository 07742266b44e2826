/** What a document asks for, told from its text before anything is validated. */
import { type DocumentNode, Kind, parse, visit } from "postgraphile/graphql";

/** Requests that cost more than others, or try something. */
export type RequestKind = "sign_in" | "search" | "aggregates";

export interface DocumentFacts {
  /** What its first operation is called. */
  name: string | undefined;
  /** How many fields are of each kind: ten sign-ins in one request are ten. */
  costs: ReadonlyMap<RequestKind, number>;
  /** Whether it changes something that is kept under an idempotency key: all but sessions, and what gives a secret. */
  isKeyed: boolean;
  /** Whether it is one change alone, which is all that a key can stand for. */
  isOneChange: boolean;
  /** Whether it chooses a password, and nothing else. */
  isPasswordChange: boolean;
}

/** Whoever may try passwords, tokens or links must not try many. */
const tries = new Set([
  "signIn",
  "signInWithToken",
  "requestPasswordReset",
  "resetPassword",
  "reviewByLink",
  "decideByLink",
]);

/** Repeating these does no harm, and keeping their answers would keep a secret. */
const unkeyed = new Set([
  "signIn",
  "signInWithToken",
  "signOut",
  "switchTenant",
  "changePassword",
  "requestPasswordReset",
  "resetPassword",
  "createApiKey",
  "createReviewLink",
]);

/** How many documents are remembered; each is told by its whole text. */
const REMEMBERED = 500;
const LONGEST_REMEMBERED = 10_000;
const remembered = new Map<string, DocumentFacts>();

/**
 * Looks at every field of a document, whichever of its operations is meant. A text that is no GraphQL asks for nothing: it is refused
 * later, with the reason.
 */
export function factsOf(text: string): DocumentFacts {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const facts = readFacts(text);
  if (text.length <= LONGEST_REMEMBERED) {
    const [oldest] = remembered.keys();
    if (remembered.size >= REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    remembered.set(text, facts);
  }
  return facts;
}

function readFacts(text: string): DocumentFacts {
  let document: DocumentNode;
  try {
    document = parse(text, { noLocation: true });
  } catch {
    return { name: undefined, costs: new Map(), isKeyed: false, isOneChange: false, isPasswordChange: false };
  }
  const costs = new Map<RequestKind, number>();
  const add = (kind: RequestKind) => costs.set(kind, (costs.get(kind) ?? 0) + 1);
  visit(document, {
    Field({ name: { value: name } }) {
      if (tries.has(name)) add("sign_in");
      if (/^search[A-Z]/.test(name)) add("search");
      if (name === "aggregates" || name === "groupedAggregates") add("aggregates");
    },
  });
  const changes = document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION && definition.operation === "mutation"
      ? definition.selectionSet.selections
      : [],
  );
  const isKeyed = changes.some((change) => change.kind !== Kind.FIELD || !unkeyed.has(change.name.value));
  const [change] = changes;
  const isOneChange = changes.length === 1 && change?.kind === Kind.FIELD;
  const isPasswordChange = isOneChange && change.name.value === "changePassword" && document.definitions.length === 1;
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return { name: operation?.name?.value, costs, isKeyed, isOneChange, isPasswordChange };
}
