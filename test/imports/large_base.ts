/** A snapshot of the journey builder's base as large as a test wants it: journeys of a hundred touchpoints. */
import { createWriteStream } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { sampleFolder } from "../../src/imports/run_import.ts";

const perJourney = 100;
const emptyTables = ["Pipelines", "Versions", "Approvals", "Templates", "Sync History", "Table 1"];
const createdTime = "2026-01-01T00:00:00.000Z";

const idOf = (letter: string, index: number) => `rec${letter}${String(index).padStart(13, "0")}`;

/** Writes it, one line at a time. */
export async function writeLargeBase(folder: string, touchpoints: number): Promise<void> {
  const records = join(folder, "records");
  await mkdir(records, { recursive: true });
  await cp(join(sampleFolder, "schema.json"), join(folder, "schema.json"));
  for (const table of emptyTables) await writeFile(join(records, `${table}.ndjson`), "");
  const write = (table: string, lines: Iterable<string>) =>
    pipeline(Readable.from(lines), createWriteStream(join(records, `${table}.ndjson`)));
  const journeys = Math.ceil(touchpoints / perJourney);
  await write("Clients", [line(idOf("C", 0), { Name: "Large", Status: "Active" })]);
  await write("Journeys", journeyLines(journeys));
  await write("Touchpoints", touchpointLines(touchpoints));
}

function* journeyLines(count: number): Iterable<string> {
  for (let index = 0; index < count; index += 1) {
    yield line(idOf("J", index), {
      "Journey Name": `Journey ${index}`,
      Client: [idOf("C", 0)],
      Type: "Nurture",
      Status: "Draft",
    });
  }
}

function* touchpointLines(count: number): Iterable<string> {
  for (let index = 0; index < count; index += 1) {
    yield line(idOf("T", index), {
      "Internal Name": `Message ${index}`,
      Journey: [idOf("J", Math.floor(index / perJourney))],
      Day: index % perJourney,
      Order: index % perJourney,
      Type: "Email",
      Status: "Draft",
      Subject: `Day ${index % perJourney} of the journey`,
      "Body Content": `Dear {{contact.first_name}},\n\n${"a sentence of some length. ".repeat(1 + (index % 20))}`,
    });
  }
}

function line(id: string, fields: Record<string, unknown>): string {
  return `${JSON.stringify({ id, createdTime, fields })}\n`;
}
