import type { Store } from "./store.ts";

export type OfferedPipeline = { id: string; locationId: string; name: string };

/** Adds pipelines that are not there yet. */
export function offerPipelines(store: Store, pipelines: readonly OfferedPipeline[]): void {
  const known = new Set(store.state.pipelines.map((row) => `${row.locationId} ${row.id}`));
  const missing = pipelines.filter(({ id, locationId }) => !known.has(`${locationId} ${id}`));
  if (missing.length === 0) return;
  store.commit((state) => {
    for (const pipeline of missing) {
      state.pipelines.push({ ...pipeline, stages: [], showInFunnel: true, showInPieChart: true });
    }
  });
}
