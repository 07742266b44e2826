/** Everything that publishing remembers. */
export * from "./ledger/endings.ts";
export * from "./ledger/handoff.ts";
export * from "./ledger/items.ts";
export * from "./ledger/locations.ts";
export * from "./ledger/remote_objects.ts";
export * from "./ledger/run.ts";
