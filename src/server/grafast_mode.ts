/**
 * Grafast looks at GRAPHILE_ENV while it is loaded, and warns where nothing is said: in tests it checks more, elsewhere it is fast. To be
 * imported before anything of PostGraphile, which is why it is not in config.ts.
 */
process.env.GRAPHILE_ENV ??= process.env.NODE_ENV === "test" ? "test" : "production";
