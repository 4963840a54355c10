import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import { decodeDetails, decodeParts, encodeDetails } from "../../db/details.ts";
import type { Details, LeaseTable } from "../../db/details.ts";
import { decodeSegment, SegmentError, SegmentSizeError } from "../../db/segment.ts";
import { ByteReader, ByteWriter } from "../../db/segment/bytes.ts";

const framed = (content: Uint8Array) => Uint8Array.from([1, ...deflateSync(content)]);
const FAR = 2 ** 32;
const rows = <T>(value: fc.Arbitrary<T>, length: number) =>
  fc.array(value, { minLength: length, maxLength: length });

const table = (addresses: number, holders: number, leases: number): fc.Arbitrary<LeaseTable> => {
  const index = fc.nat(addresses - 1);
  const seconds = fc.option(fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constantFrom(-FAR, 0, FAR)));
  return fc.record(
    {
      source: rows(index, holders),
      natAddress: rows(index, holders),
      peer: rows(index, holders),
      peerPort: rows(fc.nat(65_535), holders),
      protocol: rows(fc.nat(255), holders),
      zone: rows(fc.nat(65_535), holders),
      leases: rows(fc.nat(9), holders),
      natPort: rows(fc.nat(65_535), leases),
      sourcePort: rows(fc.integer({ min: -65_535, max: 65_535 }), leases),
      opened: rows(seconds, leases),
      omitted: fc.maxSafeNat(),
    },
    {
      requiredKeys: [
        "source",
        "natAddress",
        "peer",
        "peerPort",
        "protocol",
        "leases",
        "natPort",
        "sourcePort",
        "opened",
        "omitted",
      ],
    },
  ) as fc.Arbitrary<LeaseTable>;
};

const anyDetails: fc.Arbitrary<Details> = fc
  .record({ addresses: fc.integer({ min: 1, max: 9 }), holders: fc.nat(9), leases: fc.nat(20) })
  .chain(({ addresses, holders, leases }) =>
    fc.record({
      addresses: rows(fc.ipV4(), addresses),
      leases: fc
        .tuple(table(addresses, holders, leases), rows(fc.option(fc.integer({ min: -9, max: 300 })), leases))
        .map(([table, closed]) => ({ ...table, closed })),
      keyframe: table(addresses, holders, leases).map((table) => ({
        takenAt: 1_763_700_000_000,
        part: 1,
        parts: 3,
        fromPort: 0,
        toPort: 65_535,
        ...table,
      })),
      owners: fc.jsonValue(),
      self: fc.constant({ cpuMs: 4 }),
    }),
  );

/** Keys in order, since they come back in another. */
const sorted = (_key: string, value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

const holder = {
  source: [0],
  natAddress: [1],
  peer: [2],
  peerPort: [443],
  protocol: [6],
  leases: [1],
  natPort: [40_000],
  sourcePort: [-7],
  omitted: 3,
};
const golden = {
  addresses: ["10.0.0.1", "192.168.0.23", "2001:db8::1"],
  leases: { ...holder, zone: [7], opened: [null], closed: [29] },
  keyframe: {
    takenAt: 1_763_700_000_000,
    part: 1,
    parts: 2,
    fromPort: 1024,
    toPort: 65_535,
    ...holder,
    opened: [-86_400],
  },
  self: { cpuMs: 4 },
};
const GOLDEN =
  "01785e639461666111e06260603cb082415c81917707030230320933323032ed666663646464673cb083898f81" +
  "d99a59bea1ebe6d255c68c4c0d1cffff33c3543080e51b8e71310b70572b251794fa162b5999d40200c28812dd";

const NO_DETAILS = encodeDetails({ addresses: [], self: {} }) ?? new Uint8Array();

describe("details", () => {
  test("come back as they were", ({ expect }) => {
    fc.assert(
      fc.property(anyDetails, (details) => {
        const bytes = encodeDetails(details) ?? new Uint8Array();
        expect(JSON.stringify(decodeDetails(bytes), sorted)).toBe(JSON.stringify(details, sorted));
      }),
    );
  });

  test("give some of their parts alone", ({ expect }) => {
    fc.assert(
      fc.property(anyDetails, ({ owners, host, ...others }) => {
        const whole = {
          ...others,
          ...(owners !== undefined && { owners }),
          ...(host !== undefined && { host }),
        };
        const { owners: known, host: set } = decodeDetails(encodeDetails(whole) ?? NO_DETAILS);
        expect(decodeParts(encodeDetails(whole) ?? NO_DETAILS, ["owners", "host"])).toEqual({
          ...(known !== undefined && { owners: known }),
          ...(set !== undefined && { host: set }),
        });
      }),
    );
  });

  test("written by earlier versions stay readable", ({ expect }) => {
    expect(decodeDetails(Uint8Array.from(Buffer.from(GOLDEN, "hex")))).toEqual(golden);
  });

  test("of nothing are none", ({ expect }) => {
    expect(encodeDetails({ addresses: ["10.0.0.1"], ages: undefined })).toBe(undefined);
  });

  test("keep null apart from 0, and sides apart", ({ expect }) => {
    const opened = [null, 0, 1, -1, FAR, -FAR];
    const zeros = opened.map(() => 0);
    const leases = {
      ...golden.leases,
      leases: [6],
      natPort: zeros,
      sourcePort: zeros,
      opened,
      closed: opened,
    };
    expect(decodeDetails(encodeDetails({ ...golden, leases }) ?? new Uint8Array()).leases).toEqual(leases);
  });

  test("larger than what is read again are not written", ({ expect }) => {
    const owners = "x".repeat(4 << 20);
    expect(() => encodeDetails({ addresses: [], owners })).toThrow(SegmentSizeError);
    const most = owners.slice(0, -8);
    expect(decodeDetails(encodeDetails({ addresses: [], owners: most }) ?? new Uint8Array()).owners).toBe(
      most,
    );
  });

  test.for([
    ["a column of another length", { peer: [] }],
    ["leases of another length", { opened: [] }],
    ["ends of another length", { closed: [1, 2] }],
    ["a fraction", { natPort: [0.5] }],
    ["a number beyond 2^53 - 1", { opened: [2 ** 53] }],
  ] as const)("are not written with %s", ([, broken], { expect }) => {
    const leases = { ...golden.leases, ...broken };
    expect(() => encodeDetails({ ...golden, leases })).toThrow(RangeError);
  });
});

describe("bytes that are no details", () => {
  const whole = encodeDetails({ ...golden, keyframe: undefined }) ?? new Uint8Array();

  test.for([
    ["nothing", new Uint8Array()],
    ["a version of the future", Uint8Array.from([2, ...whole.subarray(1)])],
    ["a torn end", whole.subarray(0, whole.length - 1)],
    ["a count beyond what is there", framed(Uint8Array.from([2, 3, 0xff, 0xff, 0x7f]))],
    ["a part that is no JSON", framed(Uint8Array.from([11, 1, 0x7b]))],
    ["a part that is no text", framed(Uint8Array.from([11, 1, 0xff]))],
    ["an index beyond the addresses", framed(Uint8Array.from([2, 8, 1, 0, 0, 0, 0, 0, 0, 0]))],
    ["a bomb", framed(new Uint8Array(2 ** 24))],
  ] as const)("%s is refused", ([, bytes], { expect }) => {
    expect(() => decodeDetails(bytes)).toThrow(SegmentError);
  });

  test("a section nobody knows yet is skipped", ({ expect }) => {
    expect(decodeDetails(framed(Uint8Array.from([99, 2, 1, 2])))).toEqual({ addresses: [] });
  });

  test("damage anywhere is refused, or does no harm", ({ expect }) => {
    const outcome = (bytes: Uint8Array) => {
      try {
        return JSON.stringify(decodeDetails(bytes));
      } catch (error) {
        return (error as Error).name;
      }
    };
    for (let at = 0; at < whole.length; at++)
      for (const flip of [1, 0x80, 0xff]) {
        const damaged = Uint8Array.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        expect(["SegmentError", outcome(whole)], `byte ${at} ^ ${flip}`).toContain(outcome(damaged));
      }
  });

  test("a segment of flows is none", ({ expect }) => {
    expect(() => decodeSegment(whole)).toThrow(SegmentError);
  });
});

test("signed numbers take as many bytes as they need", ({ expect }) => {
  const to = new ByteWriter();
  to.signed([null, 0, -1, 63, -63, 64]);
  expect(to.length).toBe(7);
  expect(new ByteReader(to.bytes()).signed(6)).toEqual([null, 0, -1, 63, -63, 64]);
});
