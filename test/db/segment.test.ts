import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import { decodeSegment, decodeTalkers, encodeSegment, SegmentError } from "../../db/segment.ts";
import type { NatClass, Segment } from "../../db/segment.ts";
import { ByteWriter } from "../../db/segment/bytes.ts";
import { aSegment, theLargestSegment } from "../support/stored-report.ts";
import windows from "./golden/segment-v1-windows.json" with { type: "json" };
import golden from "./golden/segment-v1.json" with { type: "json" };

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
/** A segment of version 1 with this content. */
const framed = (content: Uint8Array) => Uint8Array.from([1, ...deflateSync(content)]);

const count = fc.oneof(fc.nat(200), fc.maxSafeNat());
const column = (value: fc.Arbitrary<number>, rows: number) =>
  fc.array(value, { minLength: rows, maxLength: rows });

const anySegment: fc.Arbitrary<Segment> = fc
  .record({
    addresses: fc.array(fc.oneof(fc.ipV4(), fc.constant("2001:db8::1"), fc.constant("::ffff:10.0.0.1")), {
      minLength: 1,
      maxLength: 40,
    }),
    talkers: fc.nat(30),
    groups: fc.nat(30),
    accounting: fc.boolean(),
  })
  .chain(({ addresses, talkers, groups, accounting }) => {
    const index = fc.nat(addresses.length - 1);
    const some = (names: readonly string[], rows: number) =>
      accounting ? Object.fromEntries(names.map((name) => [name, column(count, rows)])) : {};
    const sums = (names: readonly string[]) =>
      accounting ? Object.fromEntries(names.map((name) => [name, count])) : {};
    const ofTalkers = ["opened", "closed", "established", "idle", "closeWait"];
    const ofGroups = ["opened", "closed", "bytes", "packets"];
    return fc.record({
      addresses: fc.constant(addresses),
      talkers: fc.record({
        source: column(index, talkers),
        entries: column(count, talkers),
        snatEntries: column(count, talkers),
        unreplied: column(count, talkers),
        peers: column(count, talkers),
        ...some(ofTalkers, talkers),
      }) as fc.Arbitrary<Segment["talkers"]>,
      talkerRemainder: fc.record({
        sources: count,
        entries: count,
        snatEntries: count,
        unreplied: count,
        ...sums(ofTalkers),
      }) as fc.Arbitrary<Segment["talkerRemainder"]>,
      groups: fc.record({
        source: column(index, groups),
        peer: column(index, groups),
        peerPort: column(fc.nat(65_535), groups),
        protocol: column(fc.nat(255), groups),
        nat: fc.array(fc.constantFrom<NatClass>("none", "snat", "dnat", "both"), {
          minLength: groups,
          maxLength: groups,
        }),
        natAddress: fc.array(fc.option(index), { minLength: groups, maxLength: groups }),
        entries: column(count, groups),
        unreplied: column(count, groups),
        ...some(["zone", ...ofGroups], groups),
      }) as fc.Arbitrary<Segment["groups"]>,
      groupRemainder: fc.record({
        groups: count,
        entries: count,
        unreplied: count,
        ...sums(ofGroups),
      }) as fc.Arbitrary<Segment["groupRemainder"]>,
      ...(accounting && {
        untracked: count,
        error: fc.record({ sources: count, groups: count }),
        dialled: fc.record({
          peer: column(index, talkers),
          peerPort: column(fc.nat(65_535), talkers),
          protocol: column(fc.nat(255), talkers),
          address: column(index, talkers),
          port: column(fc.nat(65_535), talkers),
        }),
      }),
    });
  });

describe("segments", () => {
  test("come back as they were", ({ expect }) => {
    fc.assert(
      fc.property(anySegment, (segment) => {
        const { groups: _groups, groupRemainder: _rest, dialled: _dialled, ...talkers } = segment;
        const bytes = encodeSegment(segment);
        expect(decodeSegment(bytes)).toEqual(segment);
        expect(decodeTalkers(bytes)).toEqual(talkers);
      }),
    );
  });

  test("written by earlier versions stay readable, but for totals that cannot be added up", ({ expect }) => {
    const kept = golden.map(({ segment: { groups, groupRemainder, ...segment } }) => {
      const { bytes: _bytes, packets: _packets, ...columns } = groups as Segment["groups"];
      const { bytes: _total, packets: _totalPackets, ...rest } = groupRemainder as Segment["groupRemainder"];
      return { ...segment, groups: columns, groupRemainder: rest };
    });
    expect(golden.map(({ hex }) => decodeSegment(bytesOf(hex)))).toEqual(kept);
    expect(windows.map(({ hex }) => decodeSegment(bytesOf(hex)))).toEqual(
      windows.map(({ segment }) => segment),
    );
  });

  test("keep the columns that were there and no others", ({ expect }) => {
    const segment = aSegment([{ source: "10.0.0.1", entries: 1, packets: 9 }]);
    expect(decodeSegment(encodeSegment(segment))).toStrictEqual(segment);
  });

  test("of no flows at all are segments too", ({ expect }) => {
    expect(decodeSegment(encodeSegment(aSegment([])))).toEqual(aSegment([]));
  });

  test("as large as a report may be stay below the megabyte a database takes", ({ expect }) => {
    const segment = theLargestSegment();
    const bytes = encodeSegment(segment);
    expect(bytes.length).toBeLessThan(1_000_000);
    expect(decodeSegment(bytes)).toEqual(segment);
  });

  test.for([
    ["a count below 0", { entries: [-1] }],
    ["a fraction", { entries: [1.5] }],
    ["a number beyond 2^53 - 1", { entries: [2 ** 53] }],
    ["not a number", { entries: [Number.NaN] }],
    ["a column of another length", { entries: [1, 2] }],
  ] as const)("are not written with %s", ([, broken], { expect }) => {
    const segment = aSegment([{ source: "10.0.0.1", entries: 1 }]);
    const groups = { ...segment.groups, ...broken };
    expect(() => encodeSegment({ ...segment, groups })).toThrow(RangeError);
  });
});

describe("bytes that are no segment", () => {
  const whole = encodeSegment(aSegment([{ source: "10.0.0.1", entries: 1, bytes: 5, packets: 2 }]));

  test.for([
    ["nothing", new Uint8Array()],
    ["a version of the future", Uint8Array.from([2, ...whole.subarray(1)])],
    ["the version alone", whole.subarray(0, 1)],
    ["a torn end", whole.subarray(0, whole.length - 1)],
    ["no sections", framed(new Uint8Array())],
    ["a section longer than all", framed(Uint8Array.from([1, 100, 0]))],
    ["a section twice", framed(Uint8Array.from([1, 1, 0, 1, 1, 0]))],
    ["a number that never ends", framed(new Uint8Array(20).fill(0xff))],
    ["a count beyond what is there", framed(Uint8Array.from([1, 3, 0xff, 0xff, 0x7f]))],
    ["a megabyte and one byte of zeros", framed(new Uint8Array(2 ** 20 + 1))],
    ["a bomb", framed(new Uint8Array(2 ** 24))],
  ] as const)("%s is refused", ([, bytes], { expect }) => {
    expect(() => decodeSegment(bytes)).toThrow(SegmentError);
  });

  test("an index beyond the addresses is refused", ({ expect }) => {
    const content = new ByteWriter();
    content.section(1, (to) => to.column([1, 4, 10, 0, 0, 1]));
    content.section(2, (to) => to.column([1, 1, 5, 0, 0, 1, 0, 0, 0, 0]));
    expect(() => decodeTalkers(framed(content.bytes()))).toThrow(/1 where numbers are below 1/);
  });

  test("a section nobody knows yet is skipped", ({ expect }) => {
    const content = new ByteWriter();
    content.section(99, (to) => to.column([1, 2, 3]));
    content.section(1, (to) => to.column([0]));
    content.section(2, (to) => to.column([0, 0, 0, 0, 0]));
    content.section(3, (to) => to.column([0, 0, 0, 0]));
    expect(decodeSegment(framed(content.bytes()))).toEqual(aSegment([]));
  });

  test("damage anywhere is refused, or does no harm", ({ expect }) => {
    for (let at = 0; at < whole.length; at++)
      for (const flip of [1, 0x10, 0x80, 0xff]) {
        const damaged = Uint8Array.from(whole);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        expect(["SegmentError", outcome(whole)], `byte ${at} ^ ${flip}`).toContain(outcome(damaged));
      }
  });

  test("any content at all is a segment or refused", ({ expect }) => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, (content) => {
        expect(outcome(framed(content))).toBe("SegmentError");
        expect(outcome(Uint8Array.from([1, ...content]))).toBe("SegmentError");
      }),
    );
  });
});

function outcome(bytes: Uint8Array): string {
  try {
    return JSON.stringify(decodeSegment(bytes));
  } catch (error) {
    return (error as Error).name;
  }
}
