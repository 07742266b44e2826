import { text } from "../../codecs.ts";
import { type Collection, part, to } from "../mapping.ts";

/** The collection of what five tables write into a text field, or choose among options. */
export const batchNames = "Batches by name";

export const batches: Collection = part(
  batchNames,
  "leadgen.batches",
  {
    kind: "names",
    cells: ["Companies", "Contacts", "Campaigns", "Messages", "Activity"].map((collection) => ({
      collection,
      field: "batch_name",
    })),
    element: "Name",
  },
  { Name: to("name", text(), { required: true }) },
  { unique: [["name"]] },
);
