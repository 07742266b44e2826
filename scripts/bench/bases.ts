import { sampleFolderOf } from "../../src/imports/run_import.ts";
import { editBase, generateBase, generateLeads } from "../generate_base.ts";

/** A base of any size, and where its rows go: what is measured is said of its largest table. */
export interface Base {
  /** What its records are, in a word for the output. */
  name: string;
  mapping: string;
  /** In the order in which they can be filled; the last is the largest. */
  tables: string[];
  /** The columns of the largest table that a person writes over the API. */
  columnsOfPeople: string[];
  /** Writes a snapshot, the same whenever it is made. */
  generate(folder: string, size: number): Promise<void>;
  /** Copies one, with every hundredth record of the largest table changed. */
  edit(from: string, folder: string): Promise<void>;
}

export const bases: Base[] = [
  {
    name: "touchpoints",
    mapping: "bloom",
    tables: ["journeys.clients", "journeys.pipelines", "journeys.journeys", "journeys.touchpoints"],
    columnsOfPeople: ["journey_id", "name", "type", "day_offset", "order_index", "content", "config", "position"],
    generate: (folder, size) => generateBase(folder, size, sampleFolderOf("bloom")),
    edit: (from, folder) => editBase(from, folder, "Touchpoints", "Internal Name"),
  },
  {
    name: "companies with two contacts each",
    mapping: "leadgen",
    tables: [
      "leadgen.owners",
      "leadgen.batches",
      "leadgen.companies",
      "leadgen.company_enrichment_l2",
      "leadgen.company_tags",
      "leadgen.contacts",
    ],
    columnsOfPeople: [
      "company_id",
      "owner_id",
      "full_name",
      "job_title",
      "email",
      "linkedin_url",
      "contact_score",
      "notes",
    ],
    generate: (folder, size) => generateLeads(folder, size, sampleFolderOf("leadgen")),
    edit: (from, folder) => editBase(from, folder, "Contacts", "Notes"),
  },
];
