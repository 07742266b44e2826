import { raw, run, sql } from "../pipeline/sql.ts";
import { type Check, offendersShown, type Proving, quoted } from "./check.ts";
import { exceptCarried, landedJson } from "./source_cells.ts";

/** What a reverse field lists is what the records of the other side link to. */
export async function checkReverseFields(proving: Proving): Promise<Check[]> {
  const { client, batch, line, ledger } = proving;
  const checks: Check[] = [];
  for (const [name, field] of Object.entries(line.collection.fields)) {
    if (field.fate === "mapped" || field.fate === "part" || field.reverseOf === null) continue;
    const { collection: otherName, field: linkName } = field.reverseOf;
    const other = ledger.find(({ collection }) => collection.name === otherName);
    const link = other?.collection.fields[linkName];
    if (other === undefined || (link?.fate !== "mapped" && link?.fate !== "part")) continue;
    if (!line.source.fields.some((declared) => declared.name === name)) continue;
    const links = (names: string[]) =>
      raw(
        names
          .map((known) => `cells.value -> ${quoted(known)}`)
          .map((cell) => `case jsonb_typeof(${cell}) when 'array' then ${cell} else '[]' end`)
          .join(" || "),
      );
    const cells = sql`cross join lateral (select ${landedJson} -> ${batch.mapping.cellsIn}::text as value offset 0) cells`;
    const [found] = await run<{ listed: string; mirrored: string; astray: string[] | null }>(
      client,
      sql`
        with listed as materialized (
          select payload.record_id, element.value as other_record
          from app_private.import_payloads payload
          ${cells}
          cross join lateral jsonb_array_elements_text(${links([name])}) as element (value)
          where payload.batch_id = ${batch.id} and payload.collection_id = ${line.id} ${exceptCarried(proving, "payload")}
        ),
        linking as (
          select element.value as record_id, payload.record_id as other_record
          from app_private.import_payloads payload
          ${cells}
          cross join lateral jsonb_array_elements_text(${links([linkName, ...link.aliases])}) as element (value)
          where payload.batch_id = ${batch.id} and payload.collection_id = ${other.id}
            and payload.record_id in (select listed.other_record from listed)
        )
        select
          count(*) as listed,
          count(linking.record_id) as mirrored,
          (array_agg(listed.record_id) filter (where linking.record_id is null))[1:${offendersShown}::integer] as astray
        from listed
        left join linking on linking.record_id = listed.record_id and linking.other_record = listed.other_record`,
    );
    if (found === undefined) continue;
    checks.push({
      collectionId: line.id,
      layer: "references",
      name: `${name}, the other side of ${otherName}.${linkName}`,
      expected: Number(found.listed),
      actual: Number(found.mirrored),
      offending: found.astray ?? [],
    });
  }
  return checks;
}
