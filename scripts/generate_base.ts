/** A base of any size in a snapshot folder, the same one whenever it is made: for measuring. */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { copyFile, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const owners = 20;
const contactsPerCompany = 2;
const touchpointsPerJourney = 10;
const journeysPerClient = 50;
const types = ["Email", "SMS", "Wait", "Email", "Task", "Email", "Condition", "Call", "Email", "Note"];
const words =
  "harbour light season table terrace garden supper evening morning guest letter brochure candle music dance arrival quiet room view stone water".split(
    " ",
  );

/**
 * Writes a journey base: its schema is the sample's, its records are made up.
 *
 * @param folder made where it is missing; a base that is there already stays as it is
 * @param size how many touchpoints
 */
export async function generateBase(folder: string, size: number, sampleFolder: string): Promise<void> {
  const records = join(folder, "records");
  if (existsSync(join(folder, "schema.json"))) return;
  await mkdir(records, { recursive: true });
  const journeys = Math.ceil(size / touchpointsPerJourney);
  const clients = Math.ceil(journeys / journeysPerClient);
  const write = (table: string, lines: Iterable<string>) =>
    pipeline(Readable.from(lines), createWriteStream(join(records, `${table}.ndjson`)));
  await write("Clients", generate(clients, client));
  await write("Pipelines", generate(clients, pipelineOf));
  await write(
    "Journeys",
    generate(journeys, (index) => journey(index, size)),
  );
  await write("Touchpoints", generate(size, touchpoint));
  for (const table of ["Versions", "Approvals", "Templates", "Sync History", "Table 1"]) {
    await writeFile(join(records, `${table}.ndjson`), "");
  }
  await copyFile(join(sampleFolder, "schema.json"), join(folder, "schema.json"));
}

/**
 * Writes a lead base: its schema is the sample's, its records are made up.
 *
 * @param size how many companies; each has two contacts
 */
export async function generateLeads(folder: string, size: number, sampleFolder: string): Promise<void> {
  const records = join(folder, "records");
  if (existsSync(join(folder, "schema.json"))) return;
  await mkdir(records, { recursive: true });
  const write = (table: string, lines: Iterable<string>) =>
    pipeline(Readable.from(lines), createWriteStream(join(records, `${table}.ndjson`)));
  await write("Owners", generate(owners, owner));
  await write("Companies", generate(size, company));
  await write("Contacts", generate(size * contactsPerCompany, contact));
  for (const table of ["Messages", "Activity", "CRM Events", "research_directory", "Tasks", "audit_log", "Campaigns"]) {
    await writeFile(join(records, `${table}.ndjson`), "");
  }
  await copyFile(join(sampleFolder, "schema.json"), join(folder, "schema.json"));
}

/**
 * Copies a base, and gives every hundredth record of a table another text: what has happened in the source since.
 *
 * @param field a field that the records have
 */
export async function editBase(from: string, folder: string, table: string, field: string): Promise<void> {
  if (existsSync(join(folder, "schema.json"))) return;
  await cp(from, folder, { recursive: true, filter: (name) => !name.endsWith(`${table}.ndjson`) });
  const lines = createInterface({ input: createReadStream(join(from, "records", `${table}.ndjson`)) });
  await pipeline(Readable.from(changed(lines, field)), createWriteStream(join(folder, "records", `${table}.ndjson`)));
}

async function* changed(lines: AsyncIterable<string>, field: string): AsyncIterable<string> {
  let index = 0;
  for await (const line of lines) {
    yield `${index % 100 === 7 ? line.replace(`"${field}":"`, `"${field}":"Since: `) : line}\n`;
    index += 1;
  }
}

function* generate(count: number, make: (index: number) => unknown): Iterable<string> {
  for (let start = 0; start < count; start += 100) {
    let lines = "";
    for (let index = start; index < Math.min(count, start + 100); index += 1)
      lines += `${JSON.stringify(make(index))}\n`;
    yield lines;
  }
}

const id = (kind: string, index: number) => `rec${kind}${String(index).padStart(11, "0")}`;
const born = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 61_000).toISOString();

function text(seed: number, length: number): string {
  const chosen: string[] = [];
  for (let turn = 0; turn < length; turn += 1)
    chosen.push(words[(seed * 31 + turn * turn * 7 + turn) % words.length] as string);
  return chosen.join(" ");
}

function client(index: number) {
  const fields = {
    Name: `Client ${index}`,
    "Location ID": `loc${index}`,
    Status: "Active",
    Website: `https://c${index}.example`,
  };
  return { id: id("cli", index), createdTime: born(index), fields };
}

function pipelineOf(index: number) {
  const fields = { "Pipeline Name": `Pipeline ${index}`, "Is Default": true, Client: [id("cli", index)] };
  return { id: id("pip", index), createdTime: born(index), fields };
}

function journey(index: number, size: number) {
  const owner = Math.floor(index / journeysPerClient);
  const first = index * touchpointsPerJourney;
  const count = Math.min(touchpointsPerJourney, size - first);
  const fields = {
    "Journey Name": `Journey ${index}`,
    Type: "Wedding",
    Status: index % 3 === 0 ? "Approved" : "Draft",
    Tags: ["spring", `group ${index % 7}`],
    Goal: text(index, 6),
    Client: [id("cli", owner)],
    Pipeline: [id("pip", owner)],
    Touchpoints: Array.from({ length: count }, (_, turn) => id("tou", first + turn)),
  };
  return { id: id("jou", index), createdTime: born(index), fields };
}

function touchpoint(index: number) {
  const place = index % touchpointsPerJourney;
  const type = types[place] as string;
  const body = `${text(index, 40)}.`;
  const fields: Record<string, unknown> = {
    "Internal Name": `${type} ${index}: ${text(index, 3)}`,
    Day: place * 2,
    Order: place + 1,
    Type: type,
    Status: "Draft",
    Position: `{"x": ${80 + place * 40}, "y": ${120 + place * 10}}`,
    Journey: [id("jou", Math.floor(index / touchpointsPerJourney))],
  };
  if (type === "Email") {
    fields.Subject = text(index, 5);
    fields["Body Content"] = JSON.stringify({
      type: "email",
      subject: fields.Subject,
      previewText: text(index + 1, 7),
      body,
    });
  } else fields["Body Content"] = body;
  if (type === "Wait") fields.Config = '{"delay": 2, "unit": "days"}';
  if (place < touchpointsPerJourney - 1) fields["Next Touchpoint"] = [id("tou", index + 1)];
  return { id: id("tou", index), createdTime: born(index), fields };
}

function owner(index: number) {
  const fields = { Name: `Owner ${index}`, Email: `owner${index}@harbourline.example`, default_language: "EN" };
  return { id: id("own", index), createdTime: born(index), fields };
}

function company(index: number) {
  const contacts = Array.from({ length: contactsPerCompany }, (_, turn) => index * contactsPerCompany + turn);
  const fields = {
    Company: `Company ${index} ${text(index, 2)}`,
    Domain: `https://www.company${index}.example/en`,
    batch_name: `batch-${index % 50}`,
    Status: "Enriched L2",
    Tier: "Tier 2 - Gold",
    "Business Model": "B2B",
    "Company Summary": text(index, 12),
    "HQ Country": "Norway",
    "Triage Score": (index % 20) / 2,
    "Verified Employees": 40 + (index % 400),
    "Primary Pain Areas": ["Manual reporting", "Hiring"].slice(index % 2),
    company_intel: text(index + 3, 30),
    "Account Owner Link": [id("own", index % owners)],
    Contacts: contacts.map((own) => id("con", own)),
    "Contact Count": contactsPerCompany,
    "Enriched Contacts": 0,
    "Best Contact Score": Math.max(...contacts.map((own) => own % 100)),
    "Total Research Cost": 0,
  };
  return { id: id("com", index), createdTime: born(index), fields };
}

function contact(index: number) {
  const fields = {
    "Full Name": `Contact ${index} ${text(index, 2)}`,
    "Job Title": "Head of Service",
    "Email Address": `contact${index}@company${Math.floor(index / contactsPerCompany)}.example`,
    "LinkedIn URL": `https://www.linkedin.com/in/contact-${index}-example/`,
    "Seniority Level": "Director",
    "ICP Fit": "Strong Fit",
    language: "EN",
    message_status: "approved",
    "Contact Score": index % 100,
    Notes: text(index + 5, 8),
    Company: [id("com", Math.floor(index / contactsPerCompany))],
    Owner: [id("own", Math.floor(index / contactsPerCompany) % owners)],
    "Company Tier": ["Tier 2 - Gold"],
    "Message Count": 0,
    created: born(index),
  };
  return { id: id("con", index), createdTime: born(index), fields };
}
