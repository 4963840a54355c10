import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import {
  decodeBucket,
  encodeBucket,
  MAX_BUCKET_BYTES,
  MAX_TABLE_BYTES,
  SegmentError,
  SegmentSizeError,
} from "../../db/bucket.ts";
import { DIMENSIONS } from "../../db/fold/table.ts";
import type { Bucket, Dimension, Table } from "../../db/fold/table.ts";
import { ByteWriter } from "../../db/segment/bytes.ts";
import { anyBucket, aTable } from "../support/a-bucket.ts";
import golden from "./golden/bucket-v1.json" with { type: "json" };

const ALL = Object.keys(DIMENSIONS) as Dimension[];
/** Tag of `namespace`, whose keys are a text alone. */
const NAMESPACE = 5;

/** A bucket of version 1 with a table of namespaces that has this content behind its tag. */
function framed(content: Uint8Array, tags = { outside: NAMESPACE, inside: NAMESPACE }): Uint8Array {
  const table = new Uint8Array(content.length + 1);
  table[0] = tags.inside;
  table.set(content, 1);
  const to = new ByteWriter();
  to.raw(Uint8Array.of(1));
  to.section(tags.outside, (section) => section.raw(deflateSync(table)));
  return to.bytes();
}

/** Rows, length of the keys, keys, mask, rest with its mask, masks of lack and miss. */
const EMPTY = Uint8Array.of(0, 0, 0, 0, 0, 0, 0);

describe("buckets", () => {
  test("come back as they were, whole and table by table", ({ expect }) => {
    fc.assert(
      fc.property(anyBucket, fc.subarray(ALL), (bucket, only) => {
        const bytes = encodeBucket(bucket);
        expect(decodeBucket(bytes)).toStrictEqual(bucket);
        const asked = Object.fromEntries(
          Object.entries(bucket).filter(([name]) => only.includes(name as Dimension)),
        );
        expect(decodeBucket(bytes, only)).toStrictEqual(asked);
      }),
    );
  });

  test("of the same content have the same bytes, in whatever order it was put together", ({ expect }) => {
    const backwards = <T extends object>(value: T) =>
      Object.fromEntries(Object.entries(value).toReversed()) as T;
    const turned = (table: Table): Table => ({
      ...table,
      columns: backwards(table.columns),
      rest: backwards(table.rest),
      lack: backwards(table.lack),
      miss: backwards(table.miss),
    });
    fc.assert(
      fc.property(anyBucket, (bucket) => {
        const other = Object.entries(bucket).toReversed();
        const again: Bucket = Object.fromEntries(other.map(([name, table]) => [name, turned(table)]));
        expect(encodeBucket(again)).toEqual(encodeBucket(bucket));
      }),
    );
  });

  test("written by earlier versions stay readable", ({ expect }) => {
    for (const { hex, bucket } of golden) expect(decodeBucket(bytesOf(hex))).toStrictEqual(bucket);
  });

  test("of nothing, and tables without rows, are told apart", ({ expect }) => {
    const empty = { namespace: aTable({}, { columns: {} }), owner: aTable({}) };
    expect(decodeBucket(encodeBucket({}))).toStrictEqual({});
    expect(decodeBucket(encodeBucket(empty))).toStrictEqual(empty);
    const unowned = { namespace: aTable({ "": 3 }) };
    expect(decodeBucket(encodeBucket(unowned))).toStrictEqual(unowned);
  });

  test("keep sums that are no longer exact as the largest that are", ({ expect }) => {
    const most = Number.MAX_SAFE_INTEGER;
    const beyond = aTable(
      { shop: most + 1 },
      { rest: { rows: 1, bytes: 2 ** 60 }, miss: { bytes: 2 ** 55 } },
    );
    const kept = aTable({ shop: most }, { rest: { rows: 1, bytes: most }, miss: { bytes: most } });
    expect(decodeBucket(encodeBucket({ namespace: beyond }))).toStrictEqual({ namespace: kept });
  });

  test("do not inflate tables nobody asks for", ({ expect }) => {
    const bytes = encodeBucket({ namespace: aTable({ shop: 1 }), node: aTable({ "node-1": 2 }) });
    const damaged = bytes.slice();
    damaged.fill(0, -4);
    expect(() => decodeBucket(damaged, ["node"])).toThrow(SegmentError);
    expect(decodeBucket(damaged, ["namespace"])).toStrictEqual({ namespace: aTable({ shop: 1 }) });
  });

  test.for([
    ["a count below 0", { columns: { entries: [-1] } }],
    ["a fraction", { columns: { entries: [1.5] } }],
    ["not a number", { columns: { entries: [Number.NaN] } }],
    ["a column of another length", { columns: { entries: [1, 2] } }],
    ["a bound below 0", { lack: { entries: -1 } }],
    ["a control character in a key", { keys: ["a\u0001b"] }],
  ] as const)("are not written with %s", ([, broken], { expect }) => {
    expect(() => encodeBucket({ namespace: { ...aTable({ shop: 1 }), ...broken } })).toThrow(RangeError);
  });
});

describe("the size of buckets", () => {
  const keyed = (key: string): Bucket => ({ namespace: aTable({ [key]: 1 }) });

  /** Letters that shrink little, whatever is left out at the end. */
  function noise(length: number): string {
    let state = 1;
    return Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return String.fromCodePoint(33 + ((state >>> 16) % 90));
    }).join("");
  }

  test("may be what a row takes, and not a byte more", ({ expect }) => {
    const text = noise(1_250_000);
    let length = 1_190_000;
    let bytes = encodeBucket(keyed(text.slice(0, length)));
    for (let turns = 0; bytes.length !== MAX_BUCKET_BYTES && turns < 20; turns++) {
      length += MAX_BUCKET_BYTES - bytes.length;
      bytes = encodeBucket(keyed(text.slice(0, length)));
    }
    expect(bytes).toHaveLength(MAX_BUCKET_BYTES);
    expect(() => encodeBucket(keyed(text.slice(0, length + 2)))).toThrow(SegmentSizeError);
  });

  test("before compression has a limit too, which reading has as well", ({ expect }) => {
    /** Tag, rows, length, mask, column, rest with its mask, masks of lack and miss. */
    const around = 1 + 1 + 4 + 1 + 1 + 2 + 2;
    const most = "x".repeat(MAX_TABLE_BYTES - around);
    expect(decodeBucket(encodeBucket(keyed(most))).namespace?.keys[0]).toHaveLength(most.length);
    expect(() => encodeBucket(keyed(`${most}x`))).toThrow(SegmentSizeError);

    const over = new ByteWriter();
    over.column([1, MAX_TABLE_BYTES]);
    over.raw(new Uint8Array(MAX_TABLE_BYTES).fill(120));
    over.column([0, 0, 0, 0, 0]);
    expect(outcome(framed(over.bytes()))).toBe("SegmentError");
    expect(outcome(framed(new Uint8Array(2 ** 26)))).toBe("SegmentError");
  });
});

describe("bytes that are no bucket", () => {
  const whole = encodeBucket({ namespace: aTable({ "": 3, shop: 1 }), node: aTable({ "node-1": 2 }) });

  test("but the smallest one is a bucket", ({ expect }) => {
    expect(decodeBucket(framed(EMPTY))).toStrictEqual({ namespace: aTable({}, { columns: {} }) });
  });

  test.for([
    ["nothing", new Uint8Array()],
    ["a version of the future", Uint8Array.from([2, ...whole.subarray(1)])],
    ["a torn end", whole.subarray(0, whole.length - 1)],
    ["a table longer than all", Uint8Array.of(1, NAMESPACE, 100, 0)],
    ["a table that does not inflate", Uint8Array.of(1, NAMESPACE, 3, 1, 2, 3)],
    ["the same table twice", Uint8Array.from([...whole, ...framed(EMPTY).subarray(1)])],
    ["a table under the tag of another", framed(EMPTY, { outside: 6, inside: NAMESPACE })],
    ["fewer keys than rows", framed(Uint8Array.of(2, 1, 97, 0, 0, 0, 0, 0))],
    ["more keys than rows", framed(Uint8Array.of(1, 3, 97, 1, 98, 0, 0, 0, 0, 0))],
    ["keys without rows", framed(Uint8Array.of(0, 1, 97, 0, 0, 0, 0, 0))],
    ["more rows than there are bytes", framed(Uint8Array.of(0xff, 0xff, 0x7f, 1, 97, 0, 0, 0, 0, 0))],
    ["keys that are no text", framed(Uint8Array.of(1, 1, 0xff, 0, 0, 0, 0, 0))],
    ["a measure nobody knows", framed(Uint8Array.of(0, 0, 0x80, 0x02, 0, 0, 0, 0))],
    ["a column that ends too soon", framed(Uint8Array.of(1, 1, 97, 1))],
    ["a byte too many", framed(Uint8Array.from([...EMPTY, 0]))],
  ] as const)("%s is refused", ([, bytes], { expect }) => {
    expect(() => decodeBucket(bytes)).toThrow(SegmentError);
  });

  test("a table nobody knows yet is passed over", ({ expect }) => {
    const unknown = framed(EMPTY, { outside: 99, inside: 99 }).subarray(1);
    expect(decodeBucket(Uint8Array.from([...framed(EMPTY), ...unknown]))).toEqual(
      decodeBucket(framed(EMPTY)),
    );
  });

  test("damage anywhere is refused, or leaves out a table", ({ expect }) => {
    const { namespace, node } = decodeBucket(whole);
    const possible = [{ namespace, node }, { namespace }, { node }, {}].map((bucket) =>
      outcome(encodeBucket(JSON.parse(JSON.stringify(bucket)) as Bucket)),
    );
    for (let at = 0; at < whole.length; at++) {
      expect(["SegmentError", ...possible]).toContain(outcome(whole.subarray(0, at)));
      for (let flip = 1; flip < 256; flip++) {
        const damaged = Uint8Array.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        expect(["SegmentError", ...possible], `byte ${at} ^ ${flip}`).toContain(outcome(damaged));
      }
    }
  });

  test("any bytes at all are a bucket or refused", ({ expect }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const some of [bytes, Uint8Array.from([1, ...bytes]), framed(bytes)])
          expect(() => decodeBucket(some)).toSatisfy(
            (decode: () => Bucket) => refusal(decode) === undefined || refusal(decode) === "SegmentError",
          );
      }),
      { numRuns: 1000 },
    );
  });
});

function refusal(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return (error as Error).name;
  }
  return undefined;
}

const outcome = (bytes: Uint8Array): string =>
  refusal(() => decodeBucket(bytes)) ?? JSON.stringify(decodeBucket(bytes));

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
