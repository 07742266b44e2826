import "postgraphile";

type Behavior = NonNullable<GraphileBuild.Build["behavior"]>;

/**
 * Remembers what an entity's behaviors say of a filter. graphile-build takes both texts apart anew for each of tens of thousands of questions,
 * and searches its registry besides: half of the time that the schema takes. Entities of the same behaviors get the same answer. The
 * library freezes the object that answers before a plugin sees it, and offers no other place: so its class is given another method, once.
 */
export const RememberedBehaviorsPlugin: GraphileConfig.Plugin = {
  name: "RememberedBehaviorsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      init(types, { behavior }) {
        remember(Object.getPrototypeOf(behavior));
        return types;
      },
    },
  },
};

const remembering = new WeakSet<Behavior>();

function remember(prototype: Behavior): void {
  if (remembering.has(prototype)) return;
  remembering.add(prototype);
  const ask = prototype.entityMatches;
  /** By the schema that is made. */
  const answers = new WeakMap<Behavior, Map<string, boolean | undefined>>();
  prototype.entityMatches = function (type, entity, filter) {
    const known = answers.get(this) ?? new Map<string, boolean | undefined>();
    answers.set(this, known);
    const question = `${type} ${filter} ${this.getBehaviorForEntity(type, entity).behaviorString}`;
    if (!known.has(question)) known.set(question, ask.call(this, type, entity, filter));
    return known.get(question);
  };
}
