import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { PgSimplifyInflectionPlugin, PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import type pg from "pg";
import type { Logger } from "pino";
import { NoSchemaIntrospectionCustomRule } from "postgraphile/graphql";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";
import { settingsOf } from "../database/with_identity.ts";
import type { SecretKeys } from "../keys.ts";
import { type ErrorCatalog, makeMaskError } from "./errors.ts";
import type { ExternalTokens } from "./external_tokens.ts";
import { firstSteps } from "./first_steps.ts";
import type { Listener } from "./listening.ts";
import { makeRetryingPgService } from "./pg_service.ts";
import { accountsPlugin } from "./plugins/accounts.ts";
import { apiKeysPlugin } from "./plugins/api_keys.ts";
import { ArgumentsPlugin } from "./plugins/arguments.ts";
import { budgetPlugin } from "./plugins/budget.ts";
import { changeSubscriptionsPlugin } from "./plugins/change_subscriptions.ts";
import { earlyErrorsPlugin } from "./plugins/early_errors.ts";
import { idempotencyPlugin } from "./plugins/idempotency.ts";
import { IndexedFiltersPlugin } from "./plugins/indexed_filters.ts";
import { locationTokensPlugin } from "./plugins/location_tokens.ts";
import { missingRowsPlugin } from "./plugins/missing_rows.ts";
import { NamingPlugin } from "./plugins/naming.ts";
import { OrderedRowsPlugin } from "./plugins/ordered_rows.ts";
import { pagesPlugin } from "./plugins/pages.ts";
import { publicationPlanPlugin } from "./plugins/publication_plan.ts";
import { RememberedBehaviorsPlugin } from "./plugins/remembered_behaviors.ts";
import { reviewLinksPlugin } from "./plugins/review_links.ts";
import { signInPlugin } from "./plugins/sign_in.ts";
import { TenantKeysPlugin } from "./plugins/tenant_keys.ts";
import { tenantsPlugin } from "./plugins/tenants.ts";
import { TidyPlugin } from "./plugins/tidy.ts";
import { currentRequest } from "./request.ts";
import { identifySocket } from "./sockets.ts";
import { watchSuspensions } from "./suspensions.ts";
import type { Tokens } from "./tokens.ts";

/** The schemas of the API. Everything else stays inside: app, app_private, audit, reporting, the queue's and the migrations'. */
export const EXPOSED_SCHEMAS = ["tenancy", "journeys", "imports", "publishing", "leadgen"];

/** Largest request body: an e-mail with its images inline fits. */
export const MAX_REQUEST_BYTES = 1_000_000;

/** It renames `journeyByNodeId` too, and warns where that field is not there. */
const simplifiedInflection: GraphileConfig.Preset = {
  ...PgSimplifyInflectionPreset,
  plugins: [
    {
      ...PgSimplifyInflectionPlugin,
      inflection: {
        ...PgSimplifyInflectionPlugin.inflection,
        ignoreReplaceIfNotExists: ["deletedNodeId", "nodeById"],
      },
    },
  ],
};

export interface PresetOptions {
  /** Connections as the authenticator. */
  pool: pg.Pool;
  /** Hears the database; without it nobody can subscribe. */
  listener?: Listener;
  errors: ErrorCatalog;
  tokens: Tokens;
  rolePrefix: string;
  /** Pepper of the passwords, and what secrets are sealed with. */
  keys: SecretKeys;
  sessionSeconds: number;
  /** Of the identity provider, where there is one. */
  externalTokens?: ExternalTokens | undefined;
  /** Where people open the frontend. */
  appUrl?: string | undefined;
  /** Whether GraphiQL answers at `/`. */
  hasGraphiql: boolean;
  /** Whether the schema may be asked for, and guessed at by what an error suggests. */
  isIntrospectable: boolean;
  log: Logger;
}

type GraphiqlConfig = NonNullable<NonNullable<GraphileConfig.Preset["ruru"]>["clientConfig"]>;

/** How PostgreSQL becomes GraphQL. */
export function makePreset(options: PresetOptions): GraphileConfig.Preset {
  const { pool, listener, errors, tokens, rolePrefix, keys, sessionSeconds, log } = options;
  const { hasGraphiql, isIntrospectable, appUrl, externalTokens } = options;
  const suspensions = listener && watchSuspensions(listener, pool, errors, log);
  return {
    extends: [PostGraphileAmberPreset, simplifiedInflection, PgAggregatesPreset, PostGraphileConnectionFilterPreset],
    plugins: [
      RememberedBehaviorsPlugin,
      NamingPlugin,
      TenantKeysPlugin,
      TidyPlugin,
      IndexedFiltersPlugin,
      OrderedRowsPlugin,
      ArgumentsPlugin,
      pagesPlugin(errors),
      budgetPlugin(errors, isIntrospectable ? [] : [NoSchemaIntrospectionCustomRule]),
      earlyErrorsPlugin(errors, isIntrospectable),
      idempotencyPlugin(pool, errors, log),
      missingRowsPlugin(errors),
      signInPlugin({ errors, tokens, rolePrefix, keys, sessionSeconds, externalTokens }),
      apiKeysPlugin(errors),
      reviewLinksPlugin({ errors, pool, rolePrefix, appUrl }),
      accountsPlugin({ errors, secretKey: keys.secretKey, appUrl }),
      locationTokensPlugin(errors, keys.secretKey),
      tenantsPlugin(errors, keys.secretKey),
      changeSubscriptionsPlugin(errors, listener),
      publicationPlanPlugin(errors),
    ],
    disablePlugins: [
      // `filter` says all that `condition` could.
      "PgConditionArgumentPlugin",
      "PgConditionCustomFieldsPlugin",
      // For Relay 1, which nobody uses any more.
      "QueryQueryPlugin",
      "PgMutationPayloadEdgePlugin",
      // `node(nodeId:)` is enough; `journeyByNodeId` for every type is noise.
      "NodeAccessorPlugin",
      // Filters and orders across relations cost what nobody foresees.
      "PgConnectionArgFilterBackwardRelationsPlugin",
      "PgConnectionArgFilterForwardRelationsPlugin",
      "PgAggregatesFilterRelationalAggregatesPlugin",
      "PgAggregatesOrderByAggregatesPlugin",
    ],
    pgServices: [makeRetryingPgService(pool, EXPOSED_SCHEMAS)],
    gather: { pgStrictFunctions: true },
    schema: {
      // Aggregates where a table's comment asks for them (`@aggregates on`); rows are changed by `id`, and by nothing else.
      defaultBehavior:
        "-resource:aggregates -resource:aggregate -resource:groupedAggregates:having -nodeId:resource:update -nodeId:resource:delete -delete:resource:nodeId delete:resource:select",
      // Two things of one name must stop the build, not vanish from it.
      dontSwallowErrors: true,
      // What somebody sends that makes no sense is theirs to hear about, not the console's.
      muteWarnings: true,
      pgForbidSetofFunctionsToReturnNull: true,
      connectionFilterArrays: false,
      connectionFilterComputedColumns: false,
      connectionFilterSetofFunctions: false,
      connectionFilterRelations: false,
      connectionFilterAllowedOperators: [
        "isNull",
        "equalTo",
        "notEqualTo",
        "in",
        "notIn",
        "lessThan",
        "lessThanOrEqualTo",
        "greaterThan",
        "greaterThanOrEqualTo",
      ],
    },
    // Its type asks for every key, and none is needed.
    ruru: { clientConfig: { initialQuery: firstSteps, defaultQuery: firstSteps } as GraphiqlConfig },
    grafserv: {
      graphqlPath: "/graphql",
      graphiql: hasGraphiql,
      graphiqlOnGraphQLGET: false,
      graphiqlPath: "/",
      maxRequestLength: MAX_REQUEST_BYTES,
      allowedRequestContentTypes: ["application/json"],
      watch: false,
      // The limits that sockets need are ours: see sockets.ts.
      websockets: false,
      maskError: makeMaskError(errors, log, isIntrospectable),
    },
    grafast: {
      explain: false,
      // Statements have a limit of their own, shorter than this: see migrations/hooks/roles.sql.
      timeouts: { planning: 5_000, execution: 30_000 },
      async context({ ws }) {
        const request =
          ws === undefined ? currentRequest() : await identifySocket(ws, errors, { pool, tokens, rolePrefix });
        if (!request) throw new Error("GraphQL was asked outside of a request");
        if (ws?.socket) await suspensions?.watch(ws.socket, request.caller);
        return { request, pgSettings: settingsOf(request.caller) };
      },
    },
  };
}
