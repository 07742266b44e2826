/** A tenant, a store that people still edit, and the calls that the command makes to leave it behind. */
import { type CutoverOptions, readCutover, startCutover, switchCutover } from "../../src/imports/cutovers/cutover.ts";
import { followCutover } from "../../src/imports/cutovers/walk.ts";
import { type ImportRequest, runImport } from "../../src/imports/run_import.ts";
import type { Store } from "./clean_base.ts";
import { prepareImporting } from "./importing.ts";

export const operator = "somebody@here";

export async function prepareCuttingOver(openStore: () => Promise<Store>) {
  const [importing, store] = await Promise.all([prepareImporting(), openStore()]);
  const request = (options: ImportRequest["options"] = {}) =>
    importing.request(store.from, { ...store.changes, options });
  const start = (options: Partial<CutoverOptions> = {}) =>
    startCutover(request(), {
      mapping: "bloom",
      from: store.from,
      onConflict: "hold",
      deleteThreshold: 5,
      changesAllowed: 10,
      passes: 5,
      operator,
      ...options,
    });
  const query = (sql: string, values?: unknown[]) => importing.database.query<Record<string, unknown>>(sql, values);
  return {
    importing,
    store,
    request,
    start,
    query,
    run: (options?: ImportRequest["options"]) => runImport(request(options)),
    read: (id: string) => readCutover(importing.pool, importing.tenantId, id),
    /** Behind every trigger. */
    plant: (sql: string) =>
      query(`set session_replication_role = replica; ${sql}; set session_replication_role = origin`),
    /** From the beginning to the switch. */
    async walkToSwitch(): Promise<string> {
      const id = await start({ changesAllowed: 1_000 });
      expect(await followCutover(request(), id)).toMatchObject({ status: "ready" });
      await switchCutover(request(), id, { operator });
      expect(await followCutover(request(), id)).toMatchObject({ status: "switched" });
      return id;
    },
    async close() {
      await store.close();
      await importing.close();
    },
  };
}

export type CuttingOver = Awaited<ReturnType<typeof prepareCuttingOver>>;
