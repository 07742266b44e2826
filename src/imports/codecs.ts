import { z } from "zod";
import { isJsonObject, numberText, parseExact } from "./exact_json.ts";
import type { Reason } from "./reasons.ts";

/**
 * How one cell becomes one value. The set is closed: mappings choose, they do not write their own.
 *
 * Each codec says everything twice. `cell` decodes in TypeScript, on the way in. `sql` says the same as an expression over the raw
 * cell (`jsonb`), written by hand and not derived from the decoder: the verifier runs it over everything that was landed, and a
 * mistake in one of the two shows as a difference.
 */
export interface Codec {
  /** The codec's name and, where it has some, its options: for the documentation. */
  name: string;
  /** PostgreSQL type of the value. */
  type: string;
  /** The kinds of field that a source may declare for it; another kind means that the field was retyped. */
  kinds: readonly string[];
  /** Raw cell in, value out, as it stands in JSON. Encoding gives the cell back, or shows that something was converted. */
  cell: z.ZodType<unknown, unknown>;
  /** What a cell becomes that the source does not give. */
  absent: unknown;
  /**
   * An expression of `type` over the raw cell, itself an expression of jsonb that is null where the source gives none.
   *
   * @param sourceId an expression of the source's id, the namespace of all ids
   */
  sql: (cell: string, sourceId: string) => string;
  /**
   * Whether a value says what its cell says, read back from the value: an expression of boolean. A link has none, since the ledger reads
   * it back.
   *
   * @param value an expression of the column, or of the member of a JSON column
   * @param cell the raw cell, never null
   * @param overlaid members of the value that other fields give
   */
  readsBack?: (value: string, cell: string, overlaid: string[]) => string;
  /** The collection that a link points into. Its value is then the record id, which becomes the row's id. */
  linksTo?: string;
  /** The id of the linked record, an expression of text over the raw cell. */
  linkedId?: (cell: string) => string;
  /** The value is an object whose members join the column's other members. */
  isSpread?: true;
  /** As a member of a JSON column the value is the cell as it came: a number with its digits, a time with its text. */
  isKeptInJson?: true;
  /** Told as an issue when the value was converted and cannot be read back: what the source said stays in the ledger. */
  lossy?: Reason;
}

const textKinds = ["singleLineText", "multilineText", "richText", "email", "url", "phoneNumber"] as const;
const numberKinds = ["number", "percent", "currency", "rating", "count", "autoNumber", "duration"] as const;

const asText = (cell: string) => `(${cell} #>> '{}')`;
const isTheSame = (value: string, cell: string) => `to_jsonb(${value}) = ${cell}`;
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Takes members away from a JSON object, where there are any to take. */
const without = (members: string[]) =>
  members.length === 0 ? "" : ` - array[${members.map(quoted).join(", ")}]::text[]`;

const isoDate = z.iso.date();
const isoTime = z.iso.datetime({ offset: true });

/** Tells zod why, in one of our words. */
function refuse(context: { issues: unknown[] }, reason: Reason, input: unknown): typeof z.NEVER {
  context.issues.push({ code: "custom", message: reason, input });
  return z.NEVER;
}

/**
 * Text as it is.
 *
 * @param options.nothing values that stand for "not known yet" and become null: `PENDING`
 */
export function text(options: { nothing?: string[] } = {}): Codec {
  const nothing = options.nothing ?? [];
  return {
    name: nothing.length === 0 ? "text" : `text (${nothing.join(", ")} = nothing)`,
    type: "text",
    kinds: [...textKinds, "singleSelect"],
    cell: z.codec(z.string(), z.string().nullable(), {
      decode: (value) => (nothing.includes(value) ? null : value),
      encode: (value) => value ?? "",
    }),
    absent: null,
    sql: (cell) =>
      nothing.length === 0
        ? asText(cell)
        : `case when ${asText(cell)} not in (${nothing.map(quoted).join(", ")}) then ${asText(cell)} end`,
    readsBack: (value, cell) =>
      nothing.length === 0
        ? isTheSame(value, cell)
        : `case when ${asText(cell)} in (${nothing.map(quoted).join(", ")}) then ${value} is null else ${isTheSame(value, cell)} end`,
    lossy: nothing.length === 0 ? undefined : "placeholder",
  };
}

/**
 * A whole number of 32 bits. Zero is a number.
 *
 * @param absent what an empty cell means; null unless said
 */
export function integer(absent: number | null = null): Codec {
  return {
    name: `integer${absent === null ? "" : ` (empty = ${absent})`}`,
    type: "integer",
    kinds: numberKinds,
    cell: z.codec(z.unknown(), z.number(), {
      decode: (value, context) => {
        const number = Number(numberText(value) ?? Number.NaN);
        if (Number.isNaN(number)) return refuse(context, "not_a_number", value);
        return Number.isInteger(number) && Math.abs(number) < 2 ** 31
          ? number
          : refuse(context, "not_an_integer", value);
      },
      encode: (value) => value,
    }),
    absent,
    sql: (cell) => `coalesce((${cell} #>> '{}')::numeric::integer, ${absent ?? "null"})`,
    readsBack: isTheSame,
  };
}

/**
 * A number with every digit that the source gives; precision in a schema is for display and rounds nothing.
 *
 * @param absent what an empty cell means; null unless said
 */
export function decimal(absent: string | null = null): Codec {
  return {
    name: `decimal${absent === null ? "" : ` (empty = ${absent})`}`,
    type: "numeric",
    kinds: numberKinds,
    cell: z.codec(z.unknown(), z.string(), {
      decode: (value, context) => numberText(value) ?? refuse(context, "not_a_number", value),
      encode: (value) => parseExact(value),
    }),
    absent,
    sql: (cell) => `coalesce((${cell} #>> '{}')::numeric, ${absent ?? "null"})`,
    readsBack: isTheSame,
    isKeptInJson: true,
  };
}

/** A checkbox: what the source does not give is false. */
export function boolean(): Codec {
  return {
    name: "boolean",
    type: "boolean",
    kinds: ["checkbox"],
    cell: z.codec(z.boolean(), z.boolean(), { decode: (value) => value, encode: (value) => value }),
    absent: false,
    sql: (cell) => `coalesce(${asText(cell)} = 'true', false)`,
    readsBack: isTheSame,
  };
}

/** A day without a time. */
export function date(): Codec {
  return {
    name: "date",
    type: "date",
    kinds: ["date"],
    cell: z.codec(z.unknown(), z.string(), {
      decode: (value, context) => {
        const parsed = isoDate.safeParse(value);
        return parsed.success && !parsed.data.startsWith("0000") ? parsed.data : refuse(context, "not_a_date", value);
      },
      encode: (value) => value,
    }),
    absent: null,
    sql: (cell) => `${asText(cell)}::date`,
    readsBack: isTheSame,
    isKeptInJson: true,
  };
}

/** PostgreSQL would round it. */
const finerThanMicroseconds = /\.\d{6}\d*[1-9]/;

/** A moment, with its fraction and its zone; the text goes to PostgreSQL as it came. */
export function timestamp(): Codec {
  return {
    name: "timestamp",
    type: "timestamptz",
    kinds: ["dateTime", "createdTime", "lastModifiedTime"],
    cell: z.codec(z.unknown(), z.string(), {
      decode: (value, context) => {
        const parsed = isoTime.safeParse(value);
        if (!parsed.success || parsed.data.startsWith("0000")) return refuse(context, "not_a_time", value);
        return finerThanMicroseconds.test(parsed.data) ? refuse(context, "too_fine_a_time", value) : parsed.data;
      },
      encode: (value) => value,
    }),
    absent: null,
    sql: (cell) => `${asText(cell)}::timestamptz`,
    // Read as text: day, time and every digit of the fraction. A time in another zone than UTC has no one way to be written.
    readsBack: (value, cell) => `case when right(${asText(cell)}, 1) = 'Z' and substr(${asText(cell)}, 17, 1) = ':'
      then to_char(${value} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') = left(${asText(cell)}, 19)
        and rtrim(to_char(${value} at time zone 'UTC', 'US'), '0') = rtrim(rtrim(substr(${asText(cell)}, 21), 'Z'), '0')
      else ${value} = ${asText(cell)}::timestamptz end`,
    isKeptInJson: true,
  };
}

/**
 * One of a closed list.
 *
 * @param type the enum, or `text` where the column has none
 * @param options value → the source's names for it, the usual one first; the others are converted, and told
 * @param absent what an empty cell means; null unless said
 */
export function select(type: string, options: Record<string, string[]>, absent: string | null = null): Codec {
  const values = new Map(
    Object.entries(options).flatMap(([value, names]) => names.map((name) => [name, value] as const)),
  );
  const branches = [...values].map(([name, value]) => `when ${quoted(name)} then ${quoted(value)}`).join(" ");
  const whenAbsent = absent === null ? "" : ` when ${quoted("")} then ${quoted(absent)}`;
  return {
    name: `select (${Object.entries(options)
      .map(([value, names]) => `${names.join(", ")} = ${value}`)
      .join("; ")}${absent === null ? "" : `; empty = ${absent}`})`,
    type,
    kinds: ["singleSelect", "singleLineText"],
    cell: z.codec(z.string(), z.string(), {
      decode: (name, context) => values.get(name) ?? refuse(context, "unknown_option", name),
      encode: (value) => options[value]?.[0] ?? value,
    }),
    absent,
    sql: (cell) => `(case coalesce(${asText(cell)}, '') ${branches}${whenAbsent} end)::${type}`,
    readsBack: (value, cell) =>
      `case to_jsonb(${value}) #>> '{}' ${Object.entries(options)
        .map(([name, names]) => `when ${quoted(name)} then ${asText(cell)} in (${names.map(quoted).join(", ")})`)
        .join(" ")} else false end`,
    lossy: "merged_option",
  };
}

/** Several options or tags, in the order the source has them. */
export function options(): Codec {
  return {
    name: "options",
    type: "jsonb",
    kinds: ["multipleSelects"],
    cell: z.codec(z.array(z.string()), z.array(z.string()), { decode: (value) => value, encode: (value) => value }),
    absent: null,
    sql: (cell) => cell,
    readsBack: isTheSame,
  };
}

/** A link to one record. Two records in the cell are a question for a person. */
export function link(collection: string): Codec {
  return {
    name: `link to ${collection}`,
    type: "uuid",
    kinds: ["multipleRecordLinks"],
    cell: z.codec(z.array(z.string()), z.string().nullable(), {
      decode: (ids, context) => (ids.length > 1 ? refuse(context, "too_many_links", ids) : (ids[0] ?? null)),
      encode: (id) => (id === null ? [] : [id]),
    }),
    absent: null,
    sql: (cell, sourceId) => `app.uuidv5(${sourceId}, ${quoted(`${collection}/`)} || (${cell} ->> 0))`,
    linksTo: collection,
    linkedId: (cell) => `(${cell} ->> 0)`,
  };
}

/** A link to the record of a part that is made of names: the name itself, without the blanks around it. */
export function named(collection: string): Codec {
  const name = (cell: string) => `nullif(btrim(${asText(cell)}, E' \\t\\r\\n'), '')`;
  return {
    name: `name of ${collection}`,
    type: "uuid",
    kinds: [...textKinds, "singleSelect"],
    cell: z.codec(z.string(), z.string().nullable(), {
      decode: (value) => value.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "") || null,
      encode: (value) => value ?? "",
    }),
    absent: null,
    sql: (cell, sourceId) => `app.uuidv5(${sourceId}, ${quoted(`${collection}/`)} || ${name(cell)})`,
    linksTo: collection,
    linkedId: name,
  };
}

/** JSON of one shape, as such or written in a text field. */
export function json(shape: "object" | "array", absent: unknown = null): Codec {
  const fits = shape === "array" ? Array.isArray : isJsonObject;
  const whenAbsent = absent === null ? "null" : `${quoted(JSON.stringify(absent))}::jsonb`;
  return {
    name: `JSON ${shape}`,
    type: "jsonb",
    kinds: textKinds,
    cell: z.codec(z.unknown(), z.unknown(), {
      decode: (value, context) => {
        const parsed = typeof value === "string" ? tryParse(value) : value;
        return fits(parsed) ? parsed : refuse(context, "bad_json", value);
      },
      encode: (value) => JSON.stringify(value),
    }),
    absent,
    sql: (cell) =>
      `case jsonb_typeof(${cell}) when 'string' then ${asText(cell)}::jsonb when '${shape}' then ${cell} else ${whenAbsent} end`,
    readsBack: (value, cell, overlaid) =>
      `case when jsonb_typeof(${cell}) = 'string' then (${asText(cell)}::jsonb${without(overlaid)})::text = (${value}${without(overlaid)})::text else (${cell}${without(overlaid)}) = (${value}${without(overlaid)}) end`,
  };
}

/** JSON of either shape in a text field, as such or between the fences that language models put around it. */
export function fencedJson(): Codec {
  const fence = "```";
  const inner = (cell: string) =>
    `regexp_replace(regexp_replace(${asText(cell)}, '^\\s*${fence}[A-Za-z]*', ''), '${fence}\\s*$', '')`;
  return {
    name: "JSON, also between fences",
    type: "jsonb",
    kinds: textKinds,
    cell: z.codec(z.string(), z.unknown(), {
      decode: (value, context) => {
        const fenced = /^\s*```[A-Za-z]*([\s\S]*)```\s*$/.exec(value)?.[1];
        const parsed = tryParse(fenced ?? value);
        return isJsonObject(parsed) || Array.isArray(parsed) ? parsed : refuse(context, "bad_json", value);
      },
      encode: (value) => JSON.stringify(value),
    }),
    absent: null,
    sql: (cell) => `${inner(cell)}::jsonb`,
    readsBack: (value, cell) => `${value}::text = (${inner(cell)}::jsonb)::text`,
  };
}

/**
 * A message's text that is sometimes a JSON object with subject, body and more, and mostly plain, Markdown or HTML. Only a JSON object
 * counts as JSON: "2026" and "true" are texts, whatever JSON.parse says.
 *
 * @param key the member that a text becomes
 */
export function jsonOrText(key: string): Codec {
  return {
    name: `JSON object, or text as ${key}`,
    type: "jsonb",
    kinds: textKinds,
    cell: z.codec(z.string(), z.record(z.string(), z.unknown()), {
      decode: (value) => {
        const parsed = tryParse(value);
        return isJsonObject(parsed) ? parsed : { [key]: value };
      },
      encode: (value) => value[key] as string,
    }),
    absent: null,
    sql: (cell) =>
      `case when ${cell} is null then null when ${asText(cell)} is json object then ${asText(cell)}::jsonb else jsonb_build_object(${quoted(key)}, ${asText(cell)}) end`,
    readsBack: (value, cell, overlaid) =>
      `case when ${asText(cell)} is json object then (${asText(cell)}::jsonb${without(overlaid)}) = (${value}${without(overlaid)}) else ${overlaid.includes(key) ? "true" : `${value} -> ${quoted(key)} = ${cell}`} end`,
    isSpread: true,
  };
}

/** Names in a text field: a JSON array, or separated by commas or lines. */
export function nameList(): Codec {
  return {
    name: "list of names",
    type: "jsonb",
    kinds: textKinds,
    cell: z.codec(z.string(), z.array(z.unknown()), {
      decode: (value) => {
        const parsed = tryParse(value);
        if (Array.isArray(parsed)) return parsed;
        return value
          .split(/[,\n]/)
          .map((name) => name.trim())
          .filter((name) => name !== "");
      },
      encode: (names) => names.join(", "),
    }),
    absent: [],
    sql: (cell) => `case
      when ${cell} is null then '[]'::jsonb
      when ${asText(cell)} is json array then ${asText(cell)}::jsonb
      else (
        select coalesce(jsonb_agg(btrim(part, E' \\t\\r') order by place) filter (where btrim(part, E' \\t\\r') <> ''), '[]')
        from regexp_split_to_table(${asText(cell)}, E'[,\\n]') with ordinality as parts (part, place)
      )
    end`,
    // Separators and the blanks around them are all that may be lost.
    readsBack: (value, cell) => `case
      when ${asText(cell)} is json array then ${asText(cell)}::jsonb = ${value}
      else regexp_replace(${asText(cell)}, '[\\s,]', '', 'g')
        = regexp_replace((select coalesce(string_agg(name, '' order by place), '') from jsonb_array_elements_text(${value}) with ordinality as names (name, place)), '[\\s,]', '', 'g')
    end`,
  };
}

function tryParse(value: string): unknown {
  try {
    return parseExact(value);
  } catch {
    return undefined;
  }
}
