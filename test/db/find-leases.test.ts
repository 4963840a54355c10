import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import { canonicalAddress } from "../../db/address.ts";
import { decodeDetails, encodeDetails, findLeases, openLeases } from "../../db/details.ts";
import type { Details, FoundLease, LeaseFilter, LeaseTable } from "../../db/details.ts";
import { SegmentError } from "../../db/segment.ts";

const FROM = Date.UTC(2026, 10, 21, 12) + 345;
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "192.168.50.10", "2001:db8::1", "::ffff:10.0.0.1"];

const seconds = fc.option(fc.integer({ min: -90_000, max: 300 }));
const rows = <T>(value: fc.Arbitrary<T>, length: number) =>
  fc.array(value, { minLength: length, maxLength: length });

/** Few values of each kind, so that what is looked for is often there; ports of a holder grow. */
const holder = fc
  .record({
    source: fc.nat(4),
    natAddress: fc.nat(4),
    peer: fc.nat(4),
    peerPort: fc.constantFrom(0, 443, 65_535),
    protocol: fc.constantFrom(1, 6, 17, 58),
    zone: fc.constantFrom(0, 7),
    ports: fc.array(fc.constantFrom(0, 1, 200, 40_000, 65_535), { maxLength: 6 }),
  })
  .chain((holder) =>
    fc.record({
      holder: fc.constant({ ...holder, ports: holder.ports.toSorted((a, b) => a - b) }),
      sourcePort: rows(fc.integer({ min: -65_535, max: 65_535 }), holder.ports.length),
      opened: rows(seconds, holder.ports.length),
      closed: rows(seconds, holder.ports.length),
    }),
  );

const table = fc
  .record({ holders: fc.array(holder, { maxLength: 8 }), zoned: fc.boolean(), omitted: fc.nat(3) })
  .map(({ holders, zoned, omitted }): LeaseTable & { closed: (number | null)[] } => {
    const column = (name: "source" | "natAddress" | "peer" | "peerPort" | "protocol" | "zone") =>
      holders.map(({ holder }) => holder[name]);
    return {
      source: column("source"),
      natAddress: column("natAddress"),
      peer: column("peer"),
      peerPort: column("peerPort"),
      protocol: column("protocol"),
      ...(zoned && { zone: column("zone") }),
      leases: holders.map(({ holder }) => holder.ports.length),
      natPort: holders.flatMap(({ holder: { ports } }) =>
        ports.map((port, at) => port - (ports[at - 1] ?? 0)),
      ),
      sourcePort: holders.flatMap((one) => one.sourcePort),
      opened: holders.flatMap((one) => one.opened),
      closed: holders.flatMap((one) => one.closed),
      omitted,
    };
  });

const place = { takenAt: FROM + 17, part: 1, parts: 3, fromPort: 0, toPort: 65_535 };
const someDetails = fc.record(
  {
    leases: table,
    keyframe: table.map((table) => ({ ...place, ...table, closed: undefined })),
    self: fc.constant({}),
  },
  { requiredKeys: ["self"] },
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const address = maybe(fc.constantFrom(...ADDRESSES, "10.9.9.9"));
const someFilter: fc.Arbitrary<LeaseFilter> = fc.record({
  natAddress: address,
  natPort: maybe(fc.constantFrom(0, 1, 200, 40_000, 65_535, 7)),
  protocol: maybe(fc.constantFrom(1, 6, 17, 58)),
  peer: address,
  peerPort: maybe(fc.constantFrom(0, 443, 65_535)),
  source: address,
});

const at = (second: number | null | undefined) =>
  typeof second === "number" ? (Math.floor(FROM / 1000) + second) * 1000 : null;

/** Every row of a table as the decoder of all of it gives it. */
function allRows(
  { addresses }: Details,
  table: LeaseTable & { closed?: readonly (number | null)[] },
): FoundLease[] {
  let row = 0;
  return table.leases.flatMap((leases, holder) => {
    let natPort = 0;
    return Array.from({ length: leases }, () => {
      natPort += table.natPort[row]!;
      const found = {
        natAddress: addresses[table.natAddress[holder]!]!,
        natPort,
        protocol: table.protocol[holder]!,
        peer: addresses[table.peer[holder]!]!,
        peerPort: table.peerPort[holder]!,
        zone: table.zone?.[holder] ?? 0,
        source: addresses[table.source[holder]!]!,
        sourcePort: natPort + table.sourcePort[row]!,
        opened: at(table.opened[row]),
        closed: at(table.closed?.[row]),
      };
      row++;
      return found;
    });
  });
}

const fits = (row: FoundLease, filter: LeaseFilter) =>
  (["natAddress", "natPort", "protocol", "peer", "source"] as const).every(
    (name) => filter[name] === undefined || filter[name] === row[name],
  ) &&
  (filter.peerPort === undefined || filter.peerPort === row.peerPort || [1, 58].includes(row.protocol));

const encoded = (details: Omit<Details, "addresses">) => encodeDetails({ addresses: ADDRESSES, ...details })!;

test("what is found is what decoding everything and looking at each row finds", ({ expect }) => {
  fc.assert(
    fc.property(someDetails, fc.array(someFilter, { minLength: 1, maxLength: 5 }), (details, filters) => {
      const bytes = encoded(details);
      const whole = decodeDetails(bytes);
      const opened = openLeases(bytes);
      for (const filter of filters) {
        const expected = (table: LeaseTable) => ({
          rows: allRows(whole, table).filter((row) => fits(row, filter)),
          omitted: table.omitted,
        });
        expect(findLeases(opened, FROM, filter)).toEqual({
          ...(whole.leases && { changes: expected(whole.leases) }),
          ...(whole.keyframe && { keyframe: { ...place, ...expected(whole.keyframe) } }),
        });
      }
    }),
    { numRuns: 200 },
  );
});

test("an address that is none is nowhere, and one is looked for in its canonical form", ({ expect }) => {
  const row = {
    source: [0],
    natAddress: [3],
    peer: [1],
    peerPort: [443],
    protocol: [6],
    leases: [1],
    natPort: [7],
    sourcePort: [0],
    opened: [null],
    closed: [null],
    omitted: 0,
  };
  const opened = openLeases(encoded({ leases: row }));
  const found = (natAddress: string) => findLeases(opened, FROM, { natAddress }).changes?.rows.length;
  expect([found("2001:db8::1"), found(canonicalAddress("2001:DB8:0::1")!), found("no address")]).toEqual([
    1, 1, 0,
  ]);
  expect(opened.bytes).toBeGreaterThan(0);
});

describe("bytes that are damaged", () => {
  const found = (bytes: Uint8Array, filter: LeaseFilter) => {
    try {
      return findLeases(openLeases(bytes), FROM, filter);
    } catch (error) {
      return error;
    }
  };

  test("give an error of segments or some rows, never another error", ({ expect }) => {
    const inflated = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      // Sections of leases and keyframes that begin as real ones do.
      fc
        .tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 100 }))
        .map(([tag, bytes]) =>
          Uint8Array.from(
            [1, 10, 2, 4, 4, 1, 2, 3, 4, 5, 6, 7].concat(tag === 1 ? [] : [tag, bytes.length, ...bytes]),
          ),
        ),
    );
    fc.assert(
      fc.property(inflated, someFilter, (content, filter) => {
        const answer = found(Uint8Array.from([1, ...deflateSync(content)]), filter);
        if (answer instanceof Error) expect(answer).toBeInstanceOf(SegmentError);
      }),
      { numRuns: 500 },
    );
  });

  test("at any byte of real ones too", ({ expect }) => {
    fc.assert(
      fc.property(
        someDetails,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        someFilter,
        (details, where, flip, filter) => {
          const inside = Uint8Array.from(encoded(details));
          inside[where % inside.length]! ^= flip;
          const answer = found(inside, filter);
          if (answer instanceof Error) expect(answer).toBeInstanceOf(SegmentError);
        },
      ),
      { numRuns: 300 },
    );
  });

  test.for([
    ["a holder with more leases than are listed", [2, 12, 1, 0, 1, 1, 0, 6, 2, 0, 1, 7, 0, 0]],
    ["a port beyond all", [2, 17, 1, 0, 1, 1, 0, 6, 2, 0, 2, 0xff, 0xff, 3, 1, 0, 0, 0, 0, 0]],
    ["an index beyond the addresses", [2, 10, 1, 9, 1, 1, 0, 6, 0, 0, 0, 0]],
    ["bytes too many", [2, 6, 0, 0, 0, 0, 0, 9]],
    ["a count without rows", [2, 3, 0xff, 0xff, 0x7f]],
  ] as const)("%s is refused", ([, section], { expect }) => {
    const addresses = [1, 11, 2, 4, 4, 10, 0, 0, 1, 10, 0, 0, 2];
    const bytes = Uint8Array.from([1, ...deflateSync(Uint8Array.from([...addresses, ...section]))]);
    expect(found(bytes, {})).toBeInstanceOf(SegmentError);
  });
});
