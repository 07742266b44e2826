/**
 * What became of a call, and what follows from it: the decision table, as data. It rests on GoHighLevel's documentation and
 * OpenAPI files where they say something, and on measurements of live accounts by others where they do not: 429 is in no
 * specification, and the same 401 stands for a dead token and for a missing scope.
 */
export const outcomeClasses = [
  "done",
  "rejected",
  "auth",
  "config",
  "edge",
  "contract",
  "gone",
  "rate_burst",
  "rate_daily",
  "transient",
  "ambiguous",
] as const;

export type OutcomeClass = (typeof outcomeClasses)[number];
export type FailureClass = Exclude<OutcomeClass, "done">;

export type Decision = {
  /** Who is stopped: this item alone, or everything for the location until a person or time has passed. */
  stops: "item" | "location" | "nothing";
  /** When the same call may be made again by itself. */
  again: "never" | "after_interval" | "after_reset" | "after_backoff" | "after_search";
  /** Whether it uses up one of the item's attempts. */
  countsAttempt: boolean;
  /** What to do next, for the person who reads it. */
  wayOut: string;
};

export const decisions: Record<FailureClass, Decision> = {
  rejected: {
    stops: "item",
    again: "never",
    countsAttempt: true,
    wayOut: "Change the touchpoint as GoHighLevel's message says, have it approved, and publish again.",
  },
  auth: {
    stops: "location",
    again: "never",
    countsAttempt: false,
    wayOut: "Set a valid private integration token for the client, then retry the publication.",
  },
  config: {
    stops: "location",
    again: "never",
    countsAttempt: false,
    wayOut: "Set a token of this location that has the scopes which docs/publishing.md lists, then retry.",
  },
  edge: {
    stops: "location",
    again: "never",
    countsAttempt: false,
    wayOut: "GoHighLevel's edge turned the call away: check the network and the User-Agent, then retry.",
  },
  contract: {
    stops: "location",
    again: "never",
    countsAttempt: false,
    wayOut: "GoHighLevel does not know this path in this version: update Landfall, or report it with the trace id.",
  },
  gone: {
    stops: "item",
    again: "never",
    countsAttempt: true,
    wayOut: "The object was deleted in GoHighLevel: retry the publication to make it anew.",
  },
  rate_burst: {
    stops: "nothing",
    again: "after_interval",
    countsAttempt: false,
    wayOut: "Nothing to do: it continues by itself.",
  },
  rate_daily: {
    stops: "location",
    again: "after_reset",
    countsAttempt: false,
    wayOut: "The location's calls for today are used up: it continues by itself after the reset.",
  },
  transient: {
    stops: "nothing",
    again: "after_backoff",
    countsAttempt: true,
    wayOut: "GoHighLevel did not answer: it is tried again by itself; retry the publication if it gave up.",
  },
  ambiguous: {
    stops: "nothing",
    again: "after_search",
    countsAttempt: true,
    wayOut: "Whether the object was made is being found out: it continues by itself.",
  },
};

export type Rejection = { status: number; messages: string[]; isJson: boolean; dailyRemaining: number | null };

const missingScope = /not authorized for this scope/i;
const wrongToken = /user type mismatch|authClass type is not allowed/i;
const unknownPath = /^Cannot [A-Z]+ \//;

/** Whether GoHighLevel's words say that the token lacks a scope. */
export function isMissingScope(text: string): boolean {
  return missingScope.test(text);
}

type Rule = {
  /** The statuses that it speaks of, the last one included. */
  statuses: readonly [from: number, to: number];
  /** What else must be so. */
  when?: (rejection: Rejection, text: string) => boolean;
  means: FailureClass;
  /** What it means for a call that makes something new each time, where that is something else. */
  meansForCreate?: FailureClass;
};

/** The first rule that fits says what an answer outside 2xx means. */
const rules: readonly Rule[] = [
  { statuses: [429, 429], when: ({ dailyRemaining }) => dailyRemaining === 0, means: "rate_daily" },
  { statuses: [429, 429], means: "rate_burst" },
  { statuses: [408, 408], means: "transient", meansForCreate: "ambiguous" },
  { statuses: [500, 599], means: "transient", meansForCreate: "ambiguous" },
  { statuses: [403, 403], when: ({ isJson }) => !isJson, means: "edge" },
  { statuses: [403, 403], means: "config" },
  { statuses: [401, 401], when: (_, text) => missingScope.test(text) || wrongToken.test(text), means: "config" },
  { statuses: [401, 401], means: "auth" },
  { statuses: [404, 404], when: (_, text) => unknownPath.test(text), means: "contract" },
  { statuses: [404, 404], means: "gone" },
  { statuses: [300, 399], means: "contract" },
];

/**
 * Names what an answer outside 2xx means; what no rule knows is a refusal of what was sent.
 *
 * @param rejection status, messages as found in any of GoHighLevel's error shapes, whether the body was JSON at all
 * @param isCreate whether the call makes something new each time it is applied
 */
export function classifyRejection(rejection: Rejection, isCreate: boolean): FailureClass {
  const { status } = rejection;
  const text = rejection.messages.join(" ");
  const rule = rules.find(
    ({ statuses: [from, to], when }) => status >= from && status <= to && (when?.(rejection, text) ?? true),
  );
  if (rule === undefined) return "rejected";
  return isCreate ? (rule.meansForCreate ?? rule.means) : rule.means;
}
