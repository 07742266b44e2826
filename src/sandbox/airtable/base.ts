import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const schemaFile = z.object({
  baseId: z.string(),
  tables: z.array(z.looseObject({ id: z.string(), name: z.string() })),
});

/** A base in memory: every record as the text that will be sent. */
export interface Base {
  id: string;
  tables: { id: string; name: string; schema: Record<string, unknown>; records: Map<string, string> }[];
}

/** Reads a snapshot folder into memory. */
export async function readBase(folder: string): Promise<Base> {
  const { baseId, tables } = schemaFile.parse(JSON.parse(await readFile(join(folder, "schema.json"), "utf8")));
  return {
    id: baseId,
    tables: await Promise.all(
      tables.map(async (schema) => {
        const text = await readRecords(folder, schema);
        const lines = text.split("\n").filter((line) => line.trim() !== "");
        return {
          id: schema.id,
          name: schema.name,
          schema,
          records: new Map(lines.map((line) => [z.object({ id: z.string() }).parse(JSON.parse(line)).id, line])),
        };
      }),
    ),
  };
}

/** By the table's name, or by its id where the name is no file's. */
async function readRecords(folder: string, { id, name }: { id: string; name: string }): Promise<string> {
  const names = await readdir(join(folder, "records"));
  return await readFile(
    join(folder, "records", names.includes(`${name}.ndjson`) ? `${name}.ndjson` : `${id}.ndjson`),
    "utf8",
  );
}
