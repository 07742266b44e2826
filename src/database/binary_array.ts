/**
 * Arrays as PostgreSQL sends and receives them itself. Written as text, every element of an array is quoted and escaped here and taken apart
 * there, which costs more than anything else that is done with a page of records.
 */

/** The object ids of PostgreSQL's own types, which never change. */
const typeIds = { bytea: 17, text: 25, jsonb: 3802 } as const;

/** A jsonb value begins with the version of its format. */
const jsonbVersion = 1;

/**
 * An array to bind to a parameter that says its type: `$1::text[]`.
 *
 * @param values text, JSON text for `jsonb`; null is SQL's null
 */
export function binaryArray(type: keyof typeof typeIds, values: (string | Buffer | null)[]): Buffer {
  const prefix = type === "jsonb" ? 1 : 0;
  const sizes = values.map((value) => (value === null ? 0 : prefix + byteLength(value)));
  const array = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 20));
  // One dimension, whether there are nulls, the elements' type, how many, and the number of the first.
  let at = 0;
  for (const word of [1, values.includes(null) ? 1 : 0, typeIds[type], values.length, 1]) {
    at = array.writeInt32BE(word, at);
  }
  values.forEach((value, index) => {
    at = array.writeInt32BE(value === null ? -1 : (sizes[index] as number), at);
    if (value === null) return;
    if (prefix === 1) at = array.writeUInt8(jsonbVersion, at);
    at += typeof value === "string" ? array.write(value, at, "utf8") : value.copy(array, at);
  });
  return array;
}

function byteLength(value: string | Buffer): number {
  return typeof value === "string" ? Buffer.byteLength(value, "utf8") : value.length;
}
