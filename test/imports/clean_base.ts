/** The sample base with nothing in it that would wait: what is left to move is the base, and not its dirt. */
import { type AirtableSandbox, startAirtableSandbox } from "../../src/sandbox/airtable/server.ts";
import { copySample, type Importing, recordOf } from "./importing.ts";

/** A store that people still edit. */
export interface Store {
  from: string;
  changes: Parameters<Importing["request"]>[1];
  edit(table: string, field: string, value: string, fields: Record<string, unknown>): Promise<string>;
  create(table: string, fields: Record<string, unknown>): Promise<string>;
  remove(table: string, field: string, value: string): Promise<string>;
  close(): Promise<void>;
}

/** A folder with the sample base, put right. */
export async function cleanSample(): Promise<Awaited<ReturnType<typeof copySample>>> {
  const sample = await copySample();
  const client = "recl0byDaX02uFvS4";
  const journey = "recBxIHM2ByUvUe6t";
  const edit = (table: string, id: string, change: (fields: Record<string, unknown>) => void) =>
    sample.change(table, (records) => {
      const found = records.find((record) => record.id === id);
      if (found === undefined) throw new Error(`${table} has no ${id}`);
      change(found.fields);
      return undefined;
    });
  await edit("Pipelines", "recEAvERxRHLB2iva", (fields) => delete fields.Stages);
  await edit("Journeys", journey, (fields) => {
    fields.Client = [client];
  });
  await edit("Clients", client, (fields) => {
    fields.Journeys = [...(fields.Journeys as string[]), journey];
  });
  await edit("Touchpoints", "recIC8CyZkVFlm6Vb", (fields) => {
    fields["Internal Name"] = "Named";
  });
  await edit("Touchpoints", "rec3UWGIFwKFHLW4a", (fields) => {
    fields.Status = "Draft";
  });
  await edit("Touchpoints", "recd4BSArKiKVC0pj", (fields) => {
    fields["Body Content"] = String(fields["Body Content"]).replace("\0", "");
  });
  await edit("Templates", "recjOhkz9A5zkezci", (fields) => delete fields.Touchpoint);
  return sample;
}

/** That base as a snapshot's folder. */
export async function openFolder(): Promise<Store> {
  const sample = await cleanSample();
  let made = 0;
  return {
    from: sample.folder,
    changes: {},
    async edit(table, field, value, fields) {
      let id = "";
      await sample.change(table, (records) => {
        const record = recordOf(records, field, value);
        id = record.id;
        Object.assign(record.fields, fields);
        return undefined;
      });
      return id;
    },
    async create(table, fields) {
      made += 1;
      const id = `recCreatedLater${String(made).padStart(2, "0")}`;
      await sample.change(table, (records) => [...records, { id, createdTime: "2026-11-20T20:00:00.000Z", fields }]);
      return id;
    },
    async remove(table, field, value) {
      let id = "";
      await sample.change(table, (records) => {
        id = recordOf(records, field, value).id;
        return records.filter((record) => record.id !== id);
      });
      for (const linking of ["Clients", "Touchpoints"])
        await sample.change(linking, (records) => unlink(records, table, id));
      return id;
    },
    close: () => sample.remove(),
  };
}

function unlink(records: { fields: Record<string, unknown> }[], field: string, id: string): undefined {
  for (const { fields } of records) {
    if (Array.isArray(fields[field])) fields[field] = fields[field].filter((linked) => linked !== id);
  }
}

/** That base behind the stand-in's API. */
export async function openStandIn(): Promise<Store & { sandbox: AirtableSandbox }> {
  const apiKey = "patTest.of.the.sandbox";
  const sample = await cleanSample();
  // Time that passes only when somebody sleeps: nobody waits for a turn.
  let now = Date.UTC(2026, 10, 20);
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
  const limits = { perBase: 1_000, perToken: 1_000 };
  const sandbox = await startAirtableSandbox({ folder: sample.folder, apiKey, limits, now: clock.now });
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${sandbox.url}/v0/${sandbox.baseId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  };
  const find = (table: string, field: string, value: string) => {
    const found = sandbox.base.tables.find(({ schema }) => schema.name === table);
    for (const [id, text] of found?.records ?? []) if (JSON.parse(text).fields[field] === value) return id;
    throw new Error(`No record of ${table} has ${field} = ${value}`);
  };
  return {
    sandbox,
    from: `airtable:${sandbox.baseId}`,
    changes: { access: { airtable: { apiKey, endpointUrl: sandbox.url }, clock, retryDelayMs: 1 } },
    async edit(table, field, value, fields) {
      const id = find(table, field, value);
      await call("PATCH", `${table}/${id}`, { fields });
      return id;
    },
    create: async (table, fields) => (await call("POST", table, { fields })).id,
    async remove(table, field, value) {
      const id = find(table, field, value);
      await call("DELETE", `${table}/${id}`);
      return id;
    },
    async close() {
      await sandbox.close();
      await sample.remove();
    },
  };
}
