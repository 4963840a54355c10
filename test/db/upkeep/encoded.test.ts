import { expect, test } from "vitest";
import { decodeBucket, encodeBucket, MAX_BUCKET_BYTES, SegmentSizeError } from "../../../db/bucket.ts";
import { withFewerKeys } from "../../../db/fold.ts";
import type { Measure } from "../../../db/fold/measures.ts";
import { BETWEEN, DIMENSIONS } from "../../../db/fold/table.ts";
import type { Bucket, Dimension, Table } from "../../../db/fold/table.ts";
import { encodedToFit } from "../../../db/queries/upkeep/encoded.ts";
import { randomNumbers } from "../../support/stored-report.ts";

const random = randomNumbers(1);
/** As long as the wire takes them, of letters that hardly compress. */
const aName = () =>
  String.fromCharCode(...Array.from({ length: 253 }, () => 0x4e00 + Math.floor(random() * 20_000)));

const namesOf = (dimension: Dimension) =>
  Object.values(DIMENSIONS[dimension])
    .map((type) => (type === "number" ? "65535" : aName()))
    .join(BETWEEN);
const unownedOf = (dimension: Dimension) =>
  Object.values(DIMENSIONS[dimension])
    .map(() => "")
    .join(BETWEEN);

function aHostileTable(dimension: Dimension, rows: number): Table {
  const keys = [unownedOf(dimension), ...Array.from({ length: rows }, () => namesOf(dimension))];
  return {
    keys,
    columns: { entries: keys.map((_, at) => at), opened: keys.map((_, at) => 2 * (rows - at)) },
    rest: { rows: 3, entries: 1, opened: 1 },
    lack: { entries: 1 },
    miss: { entries: 1, opened: 1 },
  };
}

const total = (table: Table, measure: Measure) =>
  (table.columns[measure] ?? []).reduce((sum, value) => sum + value, table.rest[measure] ?? 0);

const HOSTILE: Bucket = {
  owner: aHostileTable("owner", 500),
  namespace: aHostileTable("namespace", 1024),
  node: aHostileTable("node", 4096),
  // More before compression than one table may have.
  flow: aHostileTable("flow", 1500),
};

test("a bucket that has room is kept as it is", () => {
  const bucket = { node: aHostileTable("node", 20) };
  expect(encodedToFit(bucket)).toEqual(encodeBucket(bucket));
});

test("of names that would take too much room, the largest keys are kept, and the others are in the rest", () => {
  expect(() => encodeBucket(HOSTILE)).toThrow(SegmentSizeError);
  const bytes = encodedToFit(HOSTILE);
  expect(bytes.length).toBeLessThanOrEqual(MAX_BUCKET_BYTES);
  const kept = decodeBucket(bytes);
  for (const dimension of ["owner", "namespace", "node", "flow"] as const) {
    const [before, after] = [HOSTILE[dimension]!, kept[dimension]!];
    const places = new Map(after.keys.map((key, at) => [key, at]));
    expect(places.size).toBeGreaterThan(20);
    if (dimension === "owner" || dimension === "namespace")
      expect(places.has(unownedOf(dimension))).toBe(true);
    // Of counts all that there was, and of gauges the most that all others held at once is no more than that.
    expect(total(after, "opened")).toBe(total(before, "opened"));
    expect(total(after, "entries")).toBeLessThanOrEqual(total(before, "entries"));
    expect(after.rest.rows).toBe(before.rest.rows + before.keys.length - after.keys.length);
    for (const measure of ["entries", "opened"] as const)
      for (const [at, key] of before.keys.entries()) {
        const had = before.columns[measure]![at]!;
        const said = after.columns[measure]![places.get(key) ?? -1];
        expect(said === had || (said === undefined && had <= after.miss[measure]!)).toBe(true);
      }
  }
});

test("no more is left out than must be", () => {
  const bytes = encodedToFit(HOSTILE);
  let halvings = 1;
  while (Buffer.compare(bytes, encodedOf(withFewerKeys(HOSTILE, halvings)) ?? new Uint8Array()) !== 0)
    halvings += 1;
  expect(halvings).toBeGreaterThan(1);
  expect(encodedOf(withFewerKeys(HOSTILE, halvings - 1))).toBeUndefined();
});

test("one key by each measure is always left", () => {
  const { node } = withFewerKeys(HOSTILE, 20);
  expect(new Set(node?.keys)).toEqual(new Set([HOSTILE.node!.keys[0], HOSTILE.node!.keys.at(-1)]));
});

function encodedOf(bucket: Bucket): Uint8Array | undefined {
  try {
    return encodeBucket(bucket);
  } catch {
    return undefined;
  }
}
