// Once per run: a cluster of its own and a migrated template database; test files clone it (see database.ts).
import { startTestCluster } from "./cluster.ts";
import { useMemoryDisk } from "./memory_disk.mjs";

export default async function globalSetup() {
  useMemoryDisk();
  const cluster = await startTestCluster();
  process.env.LANDFALL_TEST_ADMIN_URL = cluster.adminUrl;
  process.env.LANDFALL_TEST_SECRET_KEY = cluster.secretKey;
  globalThis.stopTestCluster = cluster.stop;
}
