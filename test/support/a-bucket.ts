import { BETWEEN, DIMENSIONS } from "../../db/fold/table.ts";
import type { Bucket, Dimension, FieldType, Table } from "../../db/fold/table.ts";
import { MEASURES } from "../../db/fold/measures.ts";
import * as fc from "fast-check";

const count = fc.oneof(fc.nat(200), fc.maxSafeNat());
const FIELDS: Readonly<Record<FieldType, fc.Arbitrary<string>>> = {
  address: fc.oneof(fc.ipV4(), fc.constantFrom("", "2001:db8::1", "::ffff:10.0.0.1")),
  text: fc.oneof(
    fc.constantFrom("", "pod", "shop", "web-7d4b9"),
    fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/[\p{Cc}]/u.test(text)),
  ),
  number: fc.nat(65_535).map(String),
};

const bounds = fc.record(Object.fromEntries(MEASURES.map((measure) => [measure, count])), {
  requiredKeys: [],
  noNullPrototype: true,
});

/** Any table of the dimension that a fold could give, and more. */
export function anyTable(dimension: Dimension, maxRows = 20): fc.Arbitrary<Table> {
  const types: readonly FieldType[] = Object.values(DIMENSIONS[dimension]);
  const key = fc.tuple(...types.map((type) => FIELDS[type])).map((fields) => fields.join(BETWEEN));
  return fc.uniqueArray(key, { maxLength: maxRows }).chain((keys) => {
    const column = fc.array(count, { minLength: keys.length, maxLength: keys.length });
    return fc.record(
      {
        keys: fc.constant(keys),
        columns: fc.record(Object.fromEntries(MEASURES.map((measure) => [measure, column])), {
          requiredKeys: [],
          noNullPrototype: true,
        }),
        rest: fc.tuple(count, bounds).map(([rows, amounts]) => ({ rows, ...amounts })),
        lack: bounds,
        miss: bounds,
      },
      { noNullPrototype: true },
    );
  });
}

/** A bucket with any tables. */
export const anyBucket: fc.Arbitrary<Bucket> = fc.record(
  Object.fromEntries((Object.keys(DIMENSIONS) as Dimension[]).map((name) => [name, anyTable(name)])),
  { requiredKeys: [], noNullPrototype: true },
);

/** A table of namespaces with rows of `entries`. */
export const aTable = (entries: Readonly<Record<string, number>>, more: Partial<Table> = {}): Table => ({
  keys: Object.keys(entries),
  columns: { entries: Object.values(entries) },
  rest: { rows: 0 },
  lack: {},
  miss: {},
  ...more,
});
