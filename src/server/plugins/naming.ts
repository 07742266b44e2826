import "postgraphile";

/**
 * How types and root fields of a schema begin, where it is not by the schema's own name. Those of imports speak of imports, since a
 * Record, a Field or a Batch would say nothing.
 */
const PREFIXES: Record<string, string> = { tenancy: "", journeys: "", publishing: "", imports: "import_" };

/** The column that every tenant table and every foreign key between tenant tables starts with. */
const TENANT_COLUMN = "tenant_id";

type Codec = { name: string; extensions?: { pg?: { schemaName?: string; name?: string } } };

type Relation = {
  extensions?: { tags?: Record<string, unknown> };
  localAttributes: readonly string[];
  remoteAttributes: readonly string[];
  remoteResource: { codec: Codec };
};

function relationOf(details: GraphileBuild.PgRelationsPluginRelationDetails): Relation {
  return details.registry.pgRelations[details.codec.name]?.[details.relationName] as unknown as Relation;
}

function tagOf(relation: Relation, name: string): string | undefined {
  const value = relation.extensions?.tags?.[name];
  return typeof value === "string" ? value : undefined;
}

/**
 * The role that a foreign key gives to the row it points at: `reviewer` for (tenant_id, reviewer_id). The last column
 * decides, since those before it (the tenant, or the journey in "a touchpoint of the same journey") only narrow it.
 */
function roleOf(columns: readonly string[]): string | null {
  const column = columns.filter((name) => name !== TENANT_COLUMN).at(-1);
  return column?.endsWith("_id") ? column.slice(0, -"_id".length) : null;
}

/**
 * A function is verb and object. Where types carry the module's name, its object does, as in the mutations that are made for a table:
 * leadgen.approve_message is approveLeadgenMessage beside updateLeadgenMessage. Elsewhere it says in full what it works on already:
 * resume_import_batch.
 */
function functionName(schema: string, name: string): string {
  return schema in PREFIXES ? name : name.replace(/^[a-z0-9]+/, (verb) => `${verb}_${schema}`);
}

/** A table as its relations speak of it: without the module's name inside the module, with it from outside. */
function relativeName(codec: Codec, from: Codec): string {
  const own = codec.extensions?.pg;
  return own?.name !== undefined && own.schemaName === from.extensions?.pg?.schemaName ? own.name : codec.name;
}

/**
 * The name by which the referenced row calls the rows that point at it: `touchpoints` where the key is named after the
 * table (journey_id, or version_id for journey_versions), `approvalsByReviewer` where the key names a role.
 */
function backwardName(inflection: GraphileBuild.Inflection, relation: Relation, local: Codec, plural: boolean): string {
  const rows = inflection.singularize(relativeName(relation.remoteResource.codec, local));
  const name = plural ? inflection.distinctPluralize(rows) : rows;
  const role = roleOf(relation.remoteAttributes);
  const table = inflection.singularize(local.extensions?.pg?.name ?? local.name);
  if (role === null || role === table || table.endsWith(`_${role}`)) {
    return inflection.camelCase(name);
  }
  if (role === "parent") {
    return inflection.camelCase(`child-${name}`);
  }
  return inflection.camelCase(`${name}-by-${role}`);
}

/**
 * Names of the API: a frontend developer who knows one field guesses the next one.
 *
 * - types and root fields of tenancy, journeys and publishing carry no module name, those of the others do (ImportBatch,
 *   leadgenCompanies, approveLeadgenMessage);
 * - the uuid key is `id`, the global node id `nodeId`;
 * - relations are named after the role in the foreign key and never repeat the module or the tenant;
 * - the smart tags `@fieldName` and `@foreignFieldName` on a foreign key have the last word.
 */
export const NamingPlugin: GraphileConfig.Plugin = {
  name: "NamingPlugin",
  version: "1.0.0",
  after: ["PgSimplifyInflectionPlugin", "PgAttributesPlugin", "PgRelationsPlugin", "PgTablesPlugin", "NodePlugin"],
  inflection: {
    replace: {
      _schemaPrefix(_previous, _preset, { pgNamespace }) {
        return PREFIXES[pgNamespace.nspname] ?? `${pgNamespace.nspname}_`;
      },
      functionResourceName(_previous, _preset, { pgProc }) {
        const tag = pgProc.getTags().name;
        return typeof tag === "string" ? tag : functionName(pgProc.getNamespace()?.nspname ?? "", pgProc.proname);
      },
      // A function gives pages or, where its comment says so (`@behavior list -connection`), a short list; never both.
      customQueryListField(_previous, _preset, details) {
        return this.customQueryConnectionField(details);
      },
      nodeIdFieldName() {
        return "nodeId";
      },
      _attributeName(_previous, _preset, { attributeName, codec }) {
        const tag = codec.attributes[attributeName]?.extensions?.tags?.name;
        return this.coerceToGraphQLName(typeof tag === "string" ? tag : attributeName);
      },
      singleRelation(previous, _preset, details) {
        const relation = relationOf(details);
        const name = tagOf(relation, "fieldName");
        const role = roleOf(relation.localAttributes);
        return name ?? (role === null ? previous?.(details) : undefined) ?? this.camelCase(role ?? "");
      },
      singleRelationBackwards(_previous, _preset, details) {
        const relation = relationOf(details);
        const name = tagOf(relation, "foreignSingleFieldName") ?? tagOf(relation, "foreignFieldName");
        return name ?? backwardName(this, relation, details.codec, false);
      },
      _manyRelation(_previous, _preset, details) {
        const relation = relationOf(details);
        return tagOf(relation, "foreignFieldName") ?? backwardName(this, relation, details.codec, true);
      },
    },
  },
};
