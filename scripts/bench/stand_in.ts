/** The stand-in for Airtable in a process of its own. It prints where it listens, and what it was asked when its parent hangs up. */
import { startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";

const [folder, apiKey] = process.argv.slice(2) as [string, string];
const sandbox = await startAirtableSandbox({ folder, apiKey });
process.stdout.write(`${JSON.stringify({ url: sandbox.url, baseId: sandbox.baseId })}\n`);
process.stdin.resume();
process.stdin.on("end", async () => {
  const requests = sandbox.requests.filter(({ path }) => !path.includes("/meta/"));
  process.stdout.write(`${JSON.stringify(requests.map(({ at, status }) => ({ at, status })))}\n`);
  await sandbox.close();
});
